import assert from "node:assert/strict";
import { createKlineIngest } from "@/cron/ingest_klines.ts";
import type { Database } from "@/events/store/database.ts";
import { type EventStore, VersionConflict } from "@/events/store/store.ts";
import { Refusal } from "@/domain/decider.ts";
import { type Candle } from "@/domain/klines/candle.ts";
import { type Interval, intervalMs } from "@/domain/klines/interval.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { databases } from "@/tests/support/database.ts";
import { type House, openHouse } from "@/tests/support/house.ts";

const START = utc("2021-03-01");
const MINUTE = 60_000;

let symbols = 0;
/** A series of its own in the shared house. */
const newSeries = (interval: Interval = "1m") =>
  ({ exchange: "kraken", symbol: `COIN${++symbols}/USDT`, interval }) as const;

const doer = () => ({ actor: "job:test", commandId: crypto.randomUUID() });

function bars(count: number, fields: Partial<Candle> = {}, from = START): Candle[] {
  return Array.from(
    { length: count },
    (_, n) => candle({ ...fields, openTime: from + n * MINUTE }),
  );
}

/** By a file, as bodies and imports come. */
const HEADER = "open_time,open,high,low,close,volume,close_time";

async function ingestFile(
  { ingest, folder }: House,
  series: ReturnType<typeof newSeries>,
  { candles, source }: { candles: readonly Candle[]; source: "import" | "api" | "exchange" },
) {
  const path = `${folder}/${crypto.randomUUID()}.csv`;
  const lines = candles.map((c) =>
    [c.openTime, c.open, c.high, c.low, c.close, c.volume, c.closeTime ?? ""].join(",")
  );
  await Deno.writeTextFile(path, `${HEADER}\n${lines.join("\n")}\n`);
  return await ingest.ingestFiles(series, [{ path, format: "csv", gzip: false }], {
    ...doer(),
    source,
  });
}

async function widenings({ store }: House, series: ReturnType<typeof newSeries>) {
  const { events } = await store.readStream(`series-${seriesId(series)}`);
  return events.filter(({ type }) => type === "SeriesScaleWidened").map(({ data }) => data.price);
}

const steps: Readonly<Record<string, (house: House) => Promise<void>>> = {
  async "a row that is not taken does not widen the series"(house) {
    const series = newSeries();
    await ingestFile(house, series, { candles: bars(5), source: "exchange" });
    const before = await widenings(house, series);
    const fine = bars(1, { high: "12.000000000001" });
    const { heldBetter, revised } = await ingestFile(house, series, {
      candles: fine,
      source: "api",
    });
    assert.deepEqual([heldBetter, revised], [1, 0]);
    assert.deepEqual(await widenings(house, series), before);
  },

  async "ingests of different decimals at the same time leave all files at one scale"(house) {
    const series = newSeries();
    const highs = ["12", "12.5", "12.25", "12.125", "12.0625", "12.03125"];
    const months = highs.map((high, at) => bars(3, { high }, utc(`2021-0${at + 1}-01`)));
    await Promise.all(
      months.map((candles) => ingestFile(house, series, { candles, source: "import" })),
    );
    await house.follower.waitFor(await house.store.head(), 20_000);
    const scales = await house.database.values(
      "select price_scale, count(*)::int from kline_periods_v1 where series_id = $1 group by 1",
      [seriesId(series)],
    );
    assert.deepEqual(scales, [[5, 6]]);
  },

  async "many writers to one period all get in, each row once"(house) {
    const series = newSeries();
    const outcomes = await Promise.all(
      Array.from({ length: 24 }, (_, n) =>
        ingestFile(house, series, {
          candles: bars(300, {}, START + n * 50 * MINUTE),
          source: "api",
        })),
    );
    const total = 23 * 50 + 300;
    assert.equal(outcomes.reduce((sum, { ingested }) => sum + ingested, 0), total);
    assert.equal(outcomes.reduce((sum, { unchanged }) => sum + unchanged, 0), 24 * 300 - total);
  },

  async "a file that reads back differently fails the ingest, and is not recorded"(house) {
    const { lake } = house.archiving;
    const damages = [{ rows: 4 }, { checksum: "0" }, { firstOpenTime: 0 }, { lastOpenTime: 0 }];
    for (const damage of damages) {
      const describe: typeof lake.describe = async (path) => {
        const facts = await lake.describe(path);
        return facts.firstOpenTime === START ? { ...facts, ...damage } : facts;
      };
      const ingest = createKlineIngest({ ...house.archiving, lake: { ...lake, describe } });
      const series = newSeries();
      const candles = [...bars(3), ...bars(3, {}, utc("2021-04-01"))];
      await assert.rejects(
        ingestFile({ ...house, ingest }, series, { candles, source: "api" }),
        /2021-03: the file reads back differently/,
      );
      // The other period's stay; sent again, they are there.
      const again = await ingestFile(house, series, { candles, source: "api" });
      assert.deepEqual([again.ingested, again.unchanged], [3, 3]);
    }
  },

  async "a batch that meets held rows at one candle compares that one"(house) {
    const series = newSeries();
    const day = Math.floor(Date.now() / 86_400_000 - 3) * 86_400_000;
    const put = (minute: number) => {
      const candles = bars(5, {}, day + minute * MINUTE);
      return ingestFile(house, series, { candles, source: "api" });
    };
    const { position } = await put(10);
    for (const minute of [14, 6]) {
      const { ingested, unchanged } = await put(minute);
      assert.deepEqual([ingested, unchanged], [4, 1], `from minute ${minute}`);
    }
    const again = await put(10);
    assert.deepEqual([again.unchanged, again.visible], [5, true]);
    assert.ok(again.position >= position + 2, "what it found was recorded before");
  },

  async "candles of a finer interval are refused, and nothing of them is kept"(house) {
    const series = newSeries("1h");
    const head = async () =>
      (await house.store.readStream(`klines-${seriesId(series)}-2021`)).version;
    await assert.rejects(
      ingestFile(house, series, { candles: bars(600), source: "import" }),
      (error) => {
        assert.ok(error instanceof Refusal);
        assert.match(error.message, /Cannot take these as 1h candles: 600 of them lie in 10 slots/);
        return true;
      },
    );
    assert.equal(await head(), 0);
    assert.equal((await house.store.readStream(`series-${seriesId(series)}`)).version, 0);
  },

  async "candles of a larger interval are refused by their close times"(house) {
    const series = newSeries("1m");
    const hour = intervalMs("1h");
    const hours = Array.from({ length: 12 }, (_, n) => {
      const openTime = START + n * hour;
      return candle({ openTime, closeTime: openTime + hour - 1 });
    });
    await assert.rejects(
      ingestFile(house, series, { candles: hours, source: "import" }),
      /Cannot take these as 1m candles: 12 of 12 close later than that/,
    );
    // Some odd close times are real.
    const some = [...bars(9), ...hours.slice(1, 2)];
    const { ingested } = await ingestFile(house, series, { candles: some, source: "import" });
    assert.equal(ingested, 10);
    const few = { candles: hours.slice(2, 11), source: "import" } as const;
    assert.equal((await ingestFile(house, series, few)).ingested, 9);
  },

  async "six columns of a larger interval are refused, with close times they are believed"(house) {
    const series = newSeries("1m");
    const hours = Array.from({ length: 120 }, (_, n) => START + n * intervalMs("1h"));
    const path = `${house.folder}/${crypto.randomUUID()}.csv`;
    const ingest = async (lines: readonly string[]) => {
      await Deno.writeTextFile(path, lines.join("\n"));
      const file = { path, format: "csv", gzip: false } as const;
      return await house.ingest.ingestFiles(series, [file], { ...doer(), source: "import" });
    };
    await assert.rejects(
      ingest(hours.map((at) => `${at},10,12,9,11,5`)),
      /Cannot take these as 1m candles: all 120 open on the grid of 1h, most of them 1h apart/,
    );
    const told = hours.map((at) => `${at},10,12,9,11,5,${at + MINUTE - 1}`);
    assert.equal((await ingest([HEADER, ...told])).ingested, 120);
    const thin = hours.slice(0, 24).map((at) => `${at + 7 * MINUTE},10,12,9,11,5`);
    assert.equal((await ingest(thin)).ingested, 24, "a day of a market in which little is traded");
  },

  async "rows that come twice and say the same are unchanged, not refused"(house) {
    const series = newSeries("1m");
    const candles = [...bars(300), ...bars(300)];
    const first = await ingestFile(house, series, { candles, source: "import" });
    assert.deepEqual([first.ingested, first.unchanged, first.rejectedTotal], [300, 300, 0]);
    const options = { source: "import", actor: "test", commandId: crypto.randomUUID() } as const;
    const again = await house.ingest.ingestCandles(series, [...bars(2), ...bars(2)], options);
    assert.deepEqual([again.ingested, again.unchanged, again.rejectedTotal], [0, 4, 0]);
  },

  async "bars beside the grid, sparse bars and a few doubled slots are taken"(house) {
    const series = newSeries("1h");
    const hour = intervalMs("1h");
    const candles = Array.from(
      { length: 30 },
      (_, n) => candle({ openTime: START + n * 3 * hour + 17_000 }),
    );
    const doubled = Array.from(
      { length: 8 },
      (_, n) => candle({ openTime: START + n * 3 * hour + 18_000 }),
    );
    const all = [...candles, ...doubled].sort((a, b) => a.openTime - b.openTime);
    const { ingested } = await ingestFile(house, series, { candles: all, source: "import" });
    assert.equal(ingested, 38);
  },
};

/** Counts what the database is asked. */
function counting(database: Database): { database: Database; asked: () => number } {
  let asked = 0;
  return {
    database: {
      ...database,
      query: (...args) => (asked++, database.query(...args)),
      values: (...args) => (asked++, database.values(...args)),
      transaction: (...args) => (asked++, database.transaction(...args)),
    },
    asked: () => asked,
  };
}

for (const { name, open } of databases()) {
  Deno.test(`new candles of many series cost few statements each on ${name}`, async () => {
    const opened = await open();
    const folder = await Deno.makeTempDir();
    const { database, asked } = counting(opened.database);
    const house = await openHouse(database, { folder });
    try {
      const many = Array.from({ length: 30 }, () => newSeries());
      const openTime = Date.now() - 10 * MINUTE;
      const write = (minute: number) =>
        Promise.all(
          many.map((series) =>
            house.ingest.ingestCandles(series, bars(1, {}, openTime + minute * MINUTE), {
              ...{ ...doer(), source: "api", isNew: true },
            })
          ),
        );
      await write(0);
      const before = asked();
      const outcomes = await write(1);
      assert.deepEqual(outcomes.map(({ ingested, visible }) => [ingested, visible]), [
        ...many.map(() => [1, true]),
      ]);
      assert.ok((asked() - before) / many.length <= 4, `${asked() - before} statements`);
      // What is held already is still compared.
      const again = await write(1);
      assert.deepEqual(again.map(({ unchanged }) => unchanged), many.map(() => 1));
    } finally {
      await house.close();
      await opened.close();
      await Deno.remove(folder, { recursive: true });
    }
  });

  Deno.test(`an instance whose read models are behind loses no candle on ${name}`, async () => {
    const opened = await open();
    const folder = await Deno.makeTempDir();
    const [house, other] = [
      await openHouse(opened.database, { folder }),
      await openHouse(opened.database, { folder }),
    ];
    try {
      const series = newSeries();
      const openTime = Date.now() - 30 * MINUTE;
      const writing = () => ({ ...doer(), source: "api", isNew: true }) as const;
      const write = ({ ingest }: Pick<House, "ingest">, minute: number) =>
        ingest.ingestCandles(
          series,
          bars(2, { volume: `${100 + minute}` }, openTime + minute * MINUTE),
          writing(),
        );
      await write(house, 0);
      // Between what one instance has read and its append comes the other's.
      const { store, conflicts } = overtaken(house.store, () => write(other, 1));
      const behind = { ingest: createKlineIngest({ ...house.archiving, store }) };
      const { ingested, revised } = await write(behind, 2);
      assert.equal(conflicts(), 1);
      assert.deepEqual([ingested, revised], [1, 1], "compared anew with the other's candles");
      await house.follower.waitFor(await house.store.head(), 20_000);
      const held = await house.database.values(
        "select volume::text from klines_v1 where series_id = $1 order by open_time",
        [seriesId(series)],
      );
      assert.deepEqual(held, [["100"], ["101"], ["102"], ["102"]]);
    } finally {
      await house.close();
      await other.close();
      await opened.close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** A store before whose first append of candles somebody else's comes. */
function overtaken(store: EventStore, first: () => Promise<unknown>) {
  let [isFirst, conflicts] = [true, 0];
  const append: EventStore["append"] = async (commands, options) => {
    if (isFirst && commands.some(({ stream }) => stream.startsWith("klines-"))) {
      isFirst = false;
      await first();
    }
    try {
      return await store.append(commands, options);
    } catch (error) {
      if (error instanceof VersionConflict) conflicts++;
      throw error;
    }
  };
  return { store: { ...store, append }, conflicts: () => conflicts };
}

for (const { name, open } of databases()) {
  Deno.test(`ingest on ${name}`, async (t) => {
    const { database, close } = await open();
    const folder = await Deno.makeTempDir();
    const house = await openHouse(database, { folder });
    try {
      for (const [step, run] of Object.entries(steps)) await t.step(step, () => run(house));
    } finally {
      await house.close();
      await close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}
