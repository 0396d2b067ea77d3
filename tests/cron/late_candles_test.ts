import { deepEqual, equal, ok } from "node:assert/strict";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { trusted } from "@/events/trust.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import {
  archive,
  archiveTest,
  checksums,
  DAY,
  ID,
  MINUTE,
  minutes,
  put,
  read,
  rebuildAll,
  SERIES,
} from "./archive/archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);
const WRITERS = 24;

archiveTest(
  "late candles of many requests share the versions of a period's file",
  async (house) => {
    await put(house, minutes(JAN, 20));
    await archive(house);
    const write = (candles: readonly Candle[], more: { isNew?: boolean; source?: "import" } = {}) =>
      house.ingest.ingestCandles(SERIES, candles, {
        ...{ source: "exchange", actor: "test", commandId: crypto.randomUUID(), isNew: true },
        ...more,
      });
    const filed = async () => {
      const { events } = await house.store.readStream<KlineEvent>(`klines-${ID}-2024-01`);
      return events.flatMap(({ type, data }) => type === "KlinesArchived" ? [data] : []);
    };
    const before = (await filed()).length;
    const late = minutes(JAN + 20 * MINUTE, WRITERS, 1);
    const outcomes = await Promise.all(late.map((one) => write([one])));
    const versions = (await filed()).length - before;
    ok(versions <= WRITERS / 2, `${versions} versions`);
    deepEqual(
      outcomes.map(({ ingested, visible }) => [ingested, visible]),
      late.map(() => [1, true]),
    );
    equal(JSON.parse(await read(house)).length, 20 + WRITERS);

    // Each is told what became of its own; who revises does so in a version of its own.
    const [first] = late;
    ok(first !== undefined);
    const volumes = ["7.5", "8.5", "9.5"];
    const mixed = await Promise.all([
      write(minutes(JAN + 60 * MINUTE, 1)),
      ...volumes.map((volume) => write([{ ...first, volume }])),
      write(late),
      write(minutes(JAN + 61 * MINUTE, 2), { source: "import" }),
      write(minutes(JAN + 64 * MINUTE, 2), { isNew: false }),
    ]);
    equal(mixed.reduce((sum, { ingested }) => sum + ingested, 0), 5);
    const revised = mixed.reduce((sum, outcome) => sum + outcome.revised, 0);
    // Whichever came last: each of them has a file that holds it.
    ok(revised === 3 || revised === 4, `${revised} revised`);
    deepEqual((await filed()).flatMap((data) => data.revised > 0 ? [data.revised] : []), [
      ...Array(revised).fill(1),
    ]);
    equal(JSON.parse(await read(house)).length, 25 + WRITERS);
    // Let go of in parts, what was superseded stays in the period's revisions.
    await archive(house, {
      ...{ now: Date.now() + 40 * DAY, hotDays: 1, deps: { compactAtOnce: 3 } },
    });
    const [kept] = await house.database.query("select revisions from period_blobs_v3");
    const replaced = "select 1 from replaced_files_v1 where replaced_at is not null";
    deepEqual(await house.database.query(replaced), []);
    const { sha256 } = trusted<{ sha256: string }>(kept?.revisions);
    const { path, release } = await house.blobs.local(sha256);
    const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
    release();
    const superseded = rows.map(({ volume }) => Number(volume));
    const current = JSON.parse(await read(house)).map((row: unknown[]) => Number(row[5]));
    for (const volume of [first.volume, ...volumes].map(Number)) {
      ok([...superseded, ...current].includes(volume), `${volume} lies somewhere`);
    }
    const live = await checksums(house);
    await rebuildAll(house);
    deepEqual(await checksums(house), live);
  },
);

archiveTest(
  "late candles of a request that may be sent again have a version of their own",
  async (house) => {
    await put(house, minutes(JAN, 20));
    await archive(house);
    const write = (at: number, isNew: boolean, commandId: string = crypto.randomUUID()) =>
      house.ingest.ingestCandles(SERIES, minutes(JAN + at * MINUTE, 2), {
        ...{ source: "exchange", actor: "test", commandId, isNew },
      });
    const commandId = crypto.randomUUID();
    const [first] = await Promise.all([
      write(20, false, commandId),
      ...Array.from({ length: 5 }, (_, n) => write(30 + 2 * n, true)),
    ]);
    const { ingested, position } = await write(20, false, commandId);
    deepEqual([ingested, position], [2, first.position]);
  },
);
