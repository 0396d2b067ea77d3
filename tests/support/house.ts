import { deepEqual, equal } from "node:assert/strict";
import { createMemoryCache } from "@/adapters/cache/memory.ts";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";
import { systemClock } from "@/adapters/clock.ts";
import { openDiskLakeFolder } from "@/adapters/lake_folder/disk.ts";
import { openDuckdbLake } from "@/adapters/lake/duckdb.ts";
import { openWorkspace } from "@/adapters/workspace/disk.ts";
import type { ArchiveDeps } from "@/cron/archive/archive_deps.ts";
import { createKlineIngest } from "@/cron/ingest_klines.ts";
import { createKlineRemoval } from "@/cron/remove_klines.ts";
import type { KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { KlineRemoval } from "@/domain/ports/kline_removal.ts";
import type { KlinePage, KlineReader } from "@/domain/ports/kline_reader.ts";
import type { LakeFolder } from "@/domain/ports/lake_folder.ts";
import type { Lake } from "@/domain/ports/lake.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import type { Database } from "@/events/store/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore, type SqlEventStore } from "@/events/store/sql_store.ts";
import type { Follower } from "@/projections/follower.ts";
import { openReadModels } from "@/projections/read_models.ts";
import type { SeriesQueries } from "@/projections/series_queries.ts";
import { countLent } from "./lent_blobs.ts";
import { quietLog } from "./quiet_log.ts";

/** The whole house on real adapters, without HTTP: for tests and benchmarks. */
export interface House {
  readonly database: Database;
  readonly store: SqlEventStore;
  readonly lake: Lake;
  readonly blobs: Blobs;
  readonly follower: Follower;
  readonly ingest: KlineIngest;
  readonly removal: KlineRemoval;
  readonly reader: KlineReader;
  readonly series: SeriesQueries;
  /** What readers of period files take. */
  readonly lentBlobs: Pick<Blobs, "local">;
  /** Shows nothing by itself. */
  readonly lakeFolder: LakeFolder;
  /** What a run of the archive works with. */
  readonly archiving: ArchiveDeps;
  readonly folder: string;
  /** Closes everything but the database. Throws when something was left behind, but for killed work. */
  close(how?: { readonly killed: boolean }): Promise<void>;
}

export async function openHouse(
  database: Database,
  { folder, hotDays = 365 }: { folder: string; hotDays?: number },
): Promise<House> {
  await migrate(database);
  const blobsDirectory = `${folder}/blobs`;
  const workspace = await openWorkspace({ directory: `${folder}/tmp/work` });
  const blobs = await openDiskBlobs({ directory: blobsDirectory });
  const lent = countLent(blobs);
  const lakeFolder = openDiskLakeFolder({ directory: `${folder}/lake`, blobs, blobsDirectory });
  const lake = await openDuckdbLake({
    tempDir: `${folder}/tmp/lake`,
    allowedDirectories: [folder, ...REAL_DATA],
  });
  const store = await createSqlStore({ database, catalog });
  const clock = systemClock;
  const { db, follower: hasty, reader, series, damagedReads, lentBlobs } = openReadModels({
    ...{ database, store, lake, blobs, clock, log: quietLog },
    cache: createMemoryCache<KlinePage>({ maxBytes: 1 << 26, sizeOf: (p) => p.bytes.length }),
  });
  const follower = patient(hasty);
  await follower.start();
  const deps = { store, database, db, projections: follower, lake, blobs, workspace, clock };
  const ingesting = {
    ...{ ...deps, log: quietLog, hotDays },
    isSimulated: (exchange: string) => exchange === "simulated",
  };
  return {
    ...{ database, store, lake, blobs, follower, reader, folder },
    ingest: createKlineIngest(ingesting),
    archiving: {
      ...{ ...ingesting, random: Math.random, keepReplacedDays: 30 },
      ...{ damagedReads, lakeFolder },
    },
    ...{ lentBlobs, lakeFolder },
    removal: createKlineRemoval(deps),
    series,
    async close({ killed } = { killed: false }) {
      await follower.stop();
      await store.close();
      await lake.close();
      if (killed) return;
      equal(lent(), 0, "blobs that were lent and not given back");
      deepEqual(leftIn(folder), [], "files of work that is done");
    },
  };
}

/**
 * One that waits for a busy machine: what has just been written is not to be missing because its
 * caller would have been answered by now.
 */
function patient(follower: Follower): Follower {
  return {
    ...follower,
    waitFor: (position, timeoutMs = 0, names) =>
      follower.waitFor(position, Math.max(timeoutMs, LEAST_WAIT_MS), names),
  };
}

const LEAST_WAIT_MS = 20_000;

/** Whatever failed: a full disk gets no room back before the next start otherwise. */
function leftIn(folder: string): string[] {
  return ["work", "lake"].flatMap((name) =>
    [...Deno.readDirSync(`${folder}/tmp/${name}`)].map((file) => `${name}/${file.name}`)
  );
}

const REAL_DATA = [new URL("../../../shared/data", import.meta.url).pathname];
