import { deepEqual, equal, match, notDeepEqual, ok } from "node:assert/strict";
import type { KlineEvent, KlineRow } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import type { Database, SqlRow } from "@/events/store/database.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { guardParams, guardSql, takeClaim } from "@/projections/checkpoints.ts";
import { klines } from "@/projections/klines.ts";
import { utc } from "@/tests/support/candles.ts";
import { databases } from "@/tests/support/database.ts";
import { type House, openHouse } from "@/tests/support/house.ts";

const MINUTE = 60_000;
const MONTH = utc("2024-05-01");
const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const id = seriesId(SERIES);
/** Its events are appended by hand, beside any command. */
const RAW = "binance.RAW-USDT.1m";
const doer = () => ({ actor: "job:test", commandId: crypto.randomUUID() });

function row(minute: number, close: string): KlineRow {
  return [MONTH + minute * MINUTE, "10", "99.5", "9.10", close, "5", null, null, 3, null, null];
}

function recorded(
  rows: readonly KlineRow[],
  { source = "api", series = RAW }: { source?: "exchange" | "api"; series?: string } = {},
): KlineEvent {
  return {
    type: "KlinesRecorded",
    data: {
      ...{ seriesId: series, period: "2024-05", source, from: MONTH, to: MONTH + 1 },
      ...{ ingested: rows.length, revised: 0, unchanged: 0, heldBetter: 0 },
      ...{ added: [], candles: [...rows], blob: null },
    },
  };
}

function deleted(fromMinute: number, toMinute: number): KlineEvent {
  return {
    type: "KlinesDeleted",
    data: {
      ...{ seriesId: RAW, period: "2024-05", reason: "test", keepOut: false, rows: 0, held: [] },
      ...{ from: MONTH + fromMinute * MINUTE, to: MONTH + toMinute * MINUTE },
      ...{ firstOpenTime: null, lastOpenTime: null, blob: null },
    },
  };
}

async function append({ store, follower }: House, ...events: KlineEvent[]): Promise<number> {
  const write = { stream: `klines-${crypto.randomUUID()}`, expected: "none", events } as const;
  const { position } = await store.append([write], doer());
  equal(await follower.waitFor(position, 20_000), true);
  return position;
}

async function held({ database }: House): Promise<unknown[][]> {
  return await database.values(
    `select (open_time - ${MONTH}) / ${MINUTE}, close, source from klines_v1
     where series_id = $1 order by open_time`,
    [RAW],
  );
}

/** As a follower does that stands at `position`. */
async function apply(
  { blobs, lake, store, database }: House,
  events: readonly Recorded[],
  { position, answered }: { position: number; answered?: (rows: readonly SqlRow[]) => void },
): Promise<void> {
  const place = { name: "klines@1", position, side: "a", claim: "mine" } as const;
  const { sql, params } = takeClaim(place, database.engine);
  await database.query(sql, params);
  const lead = guardParams(place);
  await klines({ blobs, lake, store }).apply(events, {
    ...{ table: "klines_v1_a", engine: database.engine, guard: guardSql },
    run: async ({ sql, params = [] }) => {
      const rows = await database.query(sql, [...params, ...lead]);
      answered?.(rows);
      return rows;
    },
  });
  await database.query("update checkpoint set claim = null");
}

/** Rows of the table that this session has looked at. */
async function rowsRead(database: Database): Promise<number> {
  await database.query("select pg_stat_force_next_flush()");
  const [row] = await database.values(
    `select (seq_tup_read + idx_tup_fetch)::int from pg_stat_user_tables
     where relname = 'klines_v1_a'`,
  );
  return Number(row?.[0]);
}

/** Over every read model of the house. */
async function checksums({ database }: House): Promise<unknown[][]> {
  const parts = ["series_v1", "kline_periods_v1", "klines_v1"].map((view) =>
    `select '${view}', count(*)::int, md5(string_agg(v::text, e'\\n' order by v::text)) from ${view} v`
  );
  return await database.values(parts.join(" union all "));
}

const steps: Readonly<Record<string, (house: House) => Promise<void>>> = {
  async "of one batch the newest row of a minute stays, with its source"(house) {
    await append(
      house,
      recorded([row(0, "10.5"), row(1, "11")]),
      recorded([row(1, "12.25")], { source: "exchange" }),
      recorded([row(1, "13")], { series: "binance.ETH-USDT.1m" }),
    );
    deepEqual(await held(house), [[0, "10.5", 1], [1, "12.25", 3]]);
  },

  async "deletes in the order of the log, also within one batch"(house) {
    await append(
      house,
      recorded([row(2, "1"), row(3, "2"), row(4, "3")]),
      deleted(3, 5),
      recorded([row(4, "4")]),
    );
    deepEqual((await held(house)).map(([minute, close]) => [minute, close]), [
      [0, "10.5"],
      [1, "12.25"],
      [2, "1"],
      [4, "4"],
    ]);
    await append(house, deleted(0, 5));
    deepEqual(await held(house), []);
  },

  async "a batch that is applied again, or too late, changes nothing"(house) {
    const first = await append(house, recorded([row(0, "1")]));
    await append(house, recorded([row(0, "2")]), deleted(1, 2));
    const again = await house.store.readAll({ after: first - 1, limit: 10 });
    await apply(house, again, { position: await house.store.head() });
    deepEqual((await held(house)).map(([, close]) => close), ["2"]);
    const left = await house.store.head();
    await append(house, deleted(0, 1));
    await apply(house, again, { position: left });
    deepEqual(await held(house), []);
  },

  async "are dropped in chunks of their key, and no others are read"(house) {
    const { database } = house;
    const to = MONTH + 8_000 * MINUTE;
    const position = await append(house, {
      type: "HotRowsDropped",
      data: { seriesId: RAW, period: "2024-05", rows: 14_000, from: MONTH, to },
    });
    // Every minute, and every quarter of one for a while; each seventh quarter came after the drop.
    const [minutes, quarters] = [10_000, 8_000];
    await database.query(
      `insert into klines_v1_a (series_id, open_time, open, high, low, close, volume, source, pos)
       select $1, $2::bigint + t, 1, 1, 1, 1, 1, 3, case when t / 15000 % 7 = 0 then $3 else 0 end
       from (select n * 60000 as t from generate_series(0, ${minutes - 1}) n
         union select n * 15000 from generate_series(0, ${quarters - 1}) n) times`,
      [RAW, MONTH, position],
    );
    await database.query("analyze klines_v1_a");
    const before = await rowsRead(database);
    const ends = [MONTH];
    const events = await house.store.readAll({ after: position - 1, limit: 1 });
    await apply(house, events, {
      position: await house.store.head(),
      answered: ([row]) => row?.next !== undefined && ends.push(Number(row.next)),
    });
    const read = await rowsRead(database) - before;
    const rowsBefore = (time: number) => {
      const quarter = (time - MONTH) / (MINUTE / 4);
      return quarter < quarters ? quarter : quarters + Math.ceil((quarter - quarters) / 4);
    };
    const sizes = ends.slice(1).map((end, at) => rowsBefore(end) - rowsBefore(ends[at] ?? end));
    deepEqual(sizes, [2_000, 2_000, 2_000, 2_000, 2_000, 2_000, 2_000]);
    const left = await database.values(
      `select pos > 0, open_time < ${to}, count(*)::int from klines_v1 where series_id = $1
       group by 1, 2 order by 2, 1`,
      [RAW],
    );
    deepEqual(left, [[false, false, 1_714], [true, false, 286], [true, true, 2_000]]);
    // Each row to find the chunk's end and to delete it; PostgreSQL tells of it later.
    if (database.engine === "pglite") ok(read < 3 * 14_000, `${read} rows read`);
    await append(house, deleted(0, minutes));
  },

  async "people see them under their names and times"(house) {
    await house.ingest.ingestCandles(SERIES, [{
      ...{ openTime: MONTH, open: "1", high: "2", low: "0.5", close: "1.50", volume: "7" },
      ...{ closeTime: null, quoteVolume: null, tradesCount: null },
      ...{ takerBuyVolume: null, takerBuyQuoteVolume: null },
    }], { source: "exchange", ...doer() });
    const rows = await house.database.query(
      "select exchange, symbol, interval, open_at, close, source from klines where open_time = $1",
      [MONTH],
    );
    deepEqual(rows, [{
      ...{ exchange: "binance", symbol: "BTC/USDT", interval: "1m", open_at: new Date(MONTH) },
      ...{ close: "1.5", source: "exchange" },
    }]);
  },

  async "large batches come out of their blobs"(house) {
    const lines = Array.from(
      { length: 2_500 },
      (_, n) => `${MONTH + (n + 10) * MINUTE},1.5,2.5,0.5,1.${n + 1},${n}`,
    );
    const path = `${house.folder}/month.csv`;
    await Deno.writeTextFile(path, `open_time,open,high,low,close,volume\n${lines.join("\n")}\n`);
    const { ingested, position } = await house.ingest.ingestFiles(
      SERIES,
      [{ path, format: "csv", gzip: false }],
      { source: "import", ...doer() },
    );
    equal(ingested, 2_500);
    equal(await house.follower.waitFor(position, 20_000), true);
    const [last] = await house.store.readAll({ after: position - 1, limit: 1 });
    match(String(JSON.stringify(last?.data.blob)), /sha256/);
    const [counts] = await house.database.values(
      `select count(*)::int, sum(volume)::text, count(distinct close)::int from klines_v1
       where series_id = $1 and source = 2`,
      [id],
    );
    const distinct = new Set(lines.map((line) => Number(line.split(",")[4]))).size;
    deepEqual(counts, [2_500, String(2_500 * 2_499 / 2), distinct]);
  },

  async "a large batch of which a part was written is whole when it is tried again"(house) {
    const before = await checksums(house);
    await house.database.query(
      "delete from klines_v1_a where series_id = $1 and open_time >= $2",
      [id, MONTH + 1_500 * MINUTE],
    );
    notDeepEqual(await checksums(house), before);
    const head = await house.store.head();
    await apply(house, await house.store.readAll({ after: 0, limit: 100 }), { position: head });
    deepEqual(await checksums(house), before);
  },

  async "every read model is the same after its rebuild"(house) {
    await house.removal.remove({
      ...{ seriesId: id, interval: "1m", reason: "test", keepOut: true, ...doer() },
      ...{ from: MONTH + 100 * MINUTE, to: MONTH + 300 * MINUTE },
    });
    const before = await checksums(house);
    equal(before.every(([, rows]) => Number(rows) > 0), true);
    for (const name of ["series", "kline_periods", "klines"]) {
      await house.follower.rebuild(name, {});
      deepEqual(await checksums(house), before, name);
    }
  },
};

for (const { name, open } of databases()) {
  Deno.test(`hot rows (${name})`, async (t) => {
    const { database, close } = await open();
    const folder = await Deno.makeTempDir();
    const house = await openHouse(database, { folder, hotDays: 36_500 });
    try {
      for (const [step, run] of Object.entries(steps)) await t.step(step, () => run(house));
    } finally {
      await house.close();
      await close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}
