import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { House } from "@/tests/support/house.ts";
import {
  ALL_HOT,
  archive,
  archiveTest,
  checksums,
  DAY,
  MINUTE,
  minutes,
  put,
  read,
  rebuildAll,
} from "./archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);
const NOW = Date.now();
const RUNS = 12;

type Act =
  | { readonly kind: "put"; readonly from: number; readonly count: number }
  | { readonly kind: "file" | "drop" | "later" | "rebuild" }
  /** Two writers and the archive at the same moment. */
  | {
    readonly kind: "race";
    readonly hotDays: number;
    readonly a: number;
    readonly b: number;
    readonly count: number;
  };

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("put" as const),
      from: fc.nat(400),
      count: fc.constantFrom(1, 5, 300),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("race" as const),
      hotDays: fc.constantFrom(1, ALL_HOT),
      ...{ a: fc.nat(300), b: fc.nat(300), count: fc.constantFrom(2, 40, 280) },
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("file", "drop", "later", "rebuild"),
    }),
  },
);

/** Every candle that was ever recorded, as `minute/volume`, and what may have won each minute last. */
class Ledger {
  readonly written = new Set<string>();
  readonly last = new Map<number, Set<string>>();

  add(candles: readonly Candle[], raced: readonly Candle[] = []): void {
    const open = new Map(raced.map(({ openTime, volume }) => [openTime, volume]));
    for (const { openTime, volume } of candles) {
      const rival = open.get(openTime);
      this.last.set(openTime, new Set(rival === undefined ? [volume] : [volume, rival]));
      this.written.add(nameOf(openTime, volume));
    }
    for (const one of raced) {
      if (!candles.some(({ openTime }) => openTime === one.openTime)) this.add([one]);
      else this.written.add(nameOf(one.openTime, one.volume));
    }
  }
}

function nameOf(openTime: number, volume: string | number): string {
  return `${(openTime - JAN) / MINUTE}/${Math.round(Number(volume) * 100) / 100}`;
}

archiveTest(
  "late data: two writers and the archive race, nothing is lost and nothing invented",
  async (house) => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 3, maxLength: 8 }), async (acts) => {
        const symbol = `R${++run}X${crypto.randomUUID().slice(0, 4).toUpperCase()}/USDT`;
        const series = { exchange: "binance", symbol, interval: "1m" } as const;
        const ledger = new Ledger();
        let tag = 0;
        const batch = (from: number, count: number) => minutes(JAN + from * MINUTE, count, ++tag);
        const first = batch(0, 300);
        await put(house, first, { series });
        ledger.add(first);
        for (const one of acts) {
          await perform(house, { series, one, batch, ledger });
          await compareRows(house, series);
        }
        // In the end all is filed, compacted and gone.
        await archive(house, { now: NOW + 40 * DAY, hotDays: 1 });
        await archive(house, { now: NOW + 80 * DAY, hotDays: 1 });
        await compare(house, series, ledger);
        const live = await checksums(house);
        await rebuildAll(house);
        deepEqual(await checksums(house), live);
        await compare(house, series, ledger);
      }),
      { numRuns: RUNS },
    );
  },
);

interface Scene {
  readonly series: SeriesRef;
  readonly one: Act;
  readonly batch: (from: number, count: number) => Candle[];
  readonly ledger: Ledger;
}

async function perform(house: House, { series, one, batch, ledger }: Scene): Promise<void> {
  const seriesIds = [seriesId(series)];
  switch (one.kind) {
    case "put": {
      const candles = batch(one.from, one.count);
      await put(house, candles, { series });
      return ledger.add(candles);
    }
    case "race": {
      const [ours, theirs] = [batch(one.a, one.count), batch(one.b, one.count)];
      await Promise.all([
        put(house, ours, { series }),
        put(house, theirs, { series }),
        archive(house, { now: NOW, hotDays: one.hotDays, seriesIds }),
      ]);
      return ledger.add(ours, theirs);
    }
    case "file":
      return void await archive(house, { now: NOW, seriesIds });
    case "drop":
      return void await archive(house, { now: NOW, hotDays: 1, seriesIds });
    case "later":
      return void await archive(house, { now: NOW + 35 * DAY, hotDays: 1, seriesIds });
    case "rebuild":
      return void await house.follower.rebuild("klines", {});
  }
}

/** What is read is what came last, and every candle that ever was lies somewhere. */
async function compare(house: House, series: SeriesRef, ledger: Ledger): Promise<void> {
  const id = seriesId(series);
  const rows: [number, ...string[]][] = JSON.parse(await read(house, { seriesId: id }));
  equal(rows.length, ledger.last.size);
  for (const [openTime, , , , , volume = ""] of rows) {
    ok(ledger.last.get(openTime)?.has(volume), `${openTime} is ${volume}`);
  }
  const found = new Set([
    ...rows.map(([openTime, , , , , volume = ""]) => nameOf(openTime, volume)),
    ...await inLog(house, id),
    ...await inRevisions(house, id),
  ]);
  deepEqual([...ledger.written].filter((name) => !found.has(name)), []);
}

/** A period's rows are as many as its read model says: none that a late candle has outdated. */
async function compareRows({ database }: House, series: SeriesRef): Promise<void> {
  const [counts] = await database.values(
    `select (select count(*)::int from klines_v1 where series_id = $1),
       (select sum(hot_rows)::int from kline_periods_v1 where series_id = $1)`,
    [seriesId(series)],
  );
  equal(counts?.[0], counts?.[1]);
}

async function inLog({ store }: House, id: string): Promise<string[]> {
  const { events } = await store.readStream<KlineEvent>(`klines-${id}-2024-01`);
  return events.flatMap(({ type, data }: Recorded<KlineEvent>) =>
    type === "KlinesRecorded" ? data.candles.map((row) => nameOf(row[0], row[5])) : []
  );
}

async function inRevisions({ database, blobs }: House, id: string): Promise<string[]> {
  const [row] = await database.query("select revisions from period_blobs_v3 where series_id = $1", [
    id,
  ]);
  if (row === undefined || row.revisions === null) return [];
  const { path, release } = await blobs.local(trusted<{ sha256: string }>(row.revisions).sha256);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(path), compressors });
  release();
  return rows.map(({ open_time, volume }) => nameOf(Number(open_time), Number(volume)));
}
