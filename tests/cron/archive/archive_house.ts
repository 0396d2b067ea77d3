import { equal } from "node:assert/strict";
import type { JobReport } from "@/cron/job.ts";
import type { IngestOutcome } from "@/domain/ports/kline_ingest.ts";
import { createKlineIngest } from "@/cron/ingest_klines.ts";
import type { ArchiveRequest } from "@/cron/archive/archive_deps.ts";
import { runArchive } from "@/cron/archive/run_archive.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { KlineQuery } from "@/domain/ports/kline_reader.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { trusted } from "@/events/trust.ts";
import type { KlinePeriodRow } from "@/projections/kline_periods.ts";
import { databases } from "@/tests/support/database.ts";
import { candle } from "@/tests/support/candles.ts";
import { type House, openHouse } from "@/tests/support/house.ts";

export const MINUTE = 60_000;
export const DAY = 86_400_000;
export const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
export const ID = seriesId(SERIES);

/** A hot window that holds everything. */
export const ALL_HOT = 36_500;

/** One test for each database, on an empty house where every period begins as rows. */
export function archiveTest(
  title: string,
  work: (house: House, t: Deno.TestContext) => Promise<void>,
  { killed = false }: { /** Runs end in the middle. */ readonly killed?: boolean } = {},
): void {
  for (const { name, open } of databases()) {
    Deno.test(`${title} on ${name}`, async (t) => {
      const { database, close } = await open();
      const folder = await Deno.makeTempDir();
      const house = await openHouse(database, { folder, hotDays: ALL_HOT });
      try {
        await work(house, t);
      } finally {
        await house.close({ killed });
        await close();
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}

export interface RunHow extends ArchiveRequest {
  readonly hotDays?: number;
  readonly now?: number;
  readonly signal?: AbortSignal;
  readonly runId?: string;
  readonly deps?: Partial<House["archiving"]>;
}

/** One run, by default long after everything, that keeps all rows. */
export async function archive(
  { archiving, store, follower }: House,
  how: RunHow = {},
): Promise<JobReport> {
  const { hotDays = ALL_HOT, now = Date.now(), deps, signal, runId, ...request } = how;
  const clock = { now: () => now, sleep: () => Promise.resolve() };
  try {
    return await runArchive({ ...archiving, clock, hotDays, ...deps }, request, {
      ...{ runId: runId ?? crypto.randomUUID(), actor: "job:test", progress: silentProgress },
      signal: signal ?? new AbortController().signal,
    });
  } finally {
    equal(await follower.waitFor(await store.head(), 60_000), true);
  }
}

/** Candles from `from` on, each minute; `tag` makes them differ. */
export function minutes(from: number, count: number, tag = 0): Candle[] {
  return Array.from({ length: count }, (_, n) =>
    candle({
      openTime: from + n * MINUTE,
      ...{ open: `${100 + n % 50}.25`, high: "500.5", low: "0.125", close: `${200 + n % 7}` },
      volume: `${1 + tag}.${1 + n % 9}`,
      quoteVolume: n % 3 === 0 ? `${n + 1}.5` : null,
      tradesCount: n % 4 === 0 ? n : null,
    }));
}

export interface PutHow {
  readonly source?: "exchange" | "import" | "api";
  readonly series?: SeriesRef;
}

/** Inline in the event where they are few, in a blob where they are many. */
export async function put(
  { ingest, follower, folder }: House,
  candles: readonly Candle[],
  { source = "exchange", series = SERIES }: PutHow = {},
): Promise<IngestOutcome> {
  const options = { source, actor: "test", commandId: crypto.randomUUID() };
  const outcome = candles.length <= 256
    ? await ingest.ingestCandles(series, candles, options)
    : await ingest.ingestFiles(series, [await csvFile(folder, candles)], options);
  equal(await follower.waitFor(outcome.position, 60_000), true);
  return outcome;
}

async function csvFile(folder: string, candles: readonly Candle[]) {
  const path = `${folder}/${crypto.randomUUID()}.csv`;
  const lines = candles.map((c) =>
    [c.openTime, c.open, c.high, c.low, c.close, c.volume, c.quoteVolume, c.tradesCount].join(",")
  );
  const head = "open_time,open,high,low,close,volume,quote_volume,trades_count";
  await Deno.writeTextFile(path, [head, ...lines].join("\n"));
  return { path, format: "csv", gzip: false } as const;
}

/** An ingest that leaves the other files of a series at the scale they have. */
export function withoutRescale(house: House): House {
  const { lake } = house.archiving;
  const broken = {
    stage: lake.stage.bind(lake),
    describe: lake.describe.bind(lake),
    rescale: () => Promise.reject(new Error("the engine is gone")),
  };
  const proxy = new Proxy(lake, {
    get: (target, name) => Reflect.get(Object.hasOwn(broken, name) ? broken : target, name),
  });
  return { ...house, ingest: createKlineIngest({ ...house.archiving, lake: proxy }) };
}

export async function remove(
  { removal, follower }: House,
  from: number,
  to: number,
): Promise<number> {
  const { removed, position } = await removal.remove({
    ...{ seriesId: ID, interval: "1m", from, to, reason: "test", keepOut: false },
    ...{ actor: "test", commandId: crypto.randomUUID() },
  });
  equal(await follower.waitFor(position, 60_000), true);
  return removed;
}

/** All candles of the series, or those of a query, as text. */
export async function read({ reader }: House, query: Partial<KlineQuery> = {}): Promise<string> {
  const page = await reader.read({
    ...{ seriesId: ID, stored: "1m", interval: "1m", start: 0, end: undefined, limit: 50_000 },
    ...{ order: "asc", fill: "none", partial: false, format: "arrays", numbers: "string" },
    ...query,
  });
  return new TextDecoder().decode(page.bytes);
}

export async function periods({ database }: House): Promise<KlinePeriodRow[]> {
  return trusted<KlinePeriodRow[]>(
    await database.query(
      `select period, candles, hot_rows as "hotRows", file_sha256 as "fileSha256",
         first_open_time as "firstOpenTime", last_open_time as "lastOpenTime", held
       from kline_periods_v1 order by key`,
    ),
  );
}

/** `2024-01 filed 100 rows` for each period: what lies where. */
export async function tiers(house: House): Promise<string[]> {
  return (await periods(house)).map(({ period, candles, hotRows, fileSha256 }) =>
    `${period} ${candles} ${fileSha256 === null ? "unfiled" : "filed"} ${hotRows} rows`
  );
}

/** Checksums over every read model. */
export async function checksums({ database }: House): Promise<unknown[][]> {
  const views = [
    ...["series_v1", "kline_periods_v1", "klines_v1", "archive_runs_v1", "period_blobs_v3"],
    ...["replaced_files_v1", "blob_uses_v1", "kline_refusals_v2", "damaged_files_v1"],
    ...["file_rounds_v1"],
  ];
  return await database.values(
    views.map((view) =>
      `select '${view}', count(*)::int, md5(string_agg(v::text, e'\\n' order by v::text)) from ${view} v`
    ).join(" union all "),
  );
}

/** Makes every read model anew. */
export async function rebuildAll({ follower }: House): Promise<void> {
  for (const { name } of await follower.status()) await follower.rebuild(name, {});
}
