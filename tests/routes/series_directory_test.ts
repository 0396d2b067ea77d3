import assert from "node:assert/strict";
import { Refusal } from "@/domain/decider.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import type { Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import type { Projections } from "@/projections/define.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { parseSeries, seriesId } from "@/domain/klines/series_ref.ts";
import { byId, type SeriesQueries, type SeriesView } from "@/projections/series_queries.ts";
import { chooseSeries, createSeriesDirectory, findSeries } from "@/routes/series_directory.ts";

function view(text: string): SeriesView {
  const ref = parseSeries(text);
  return {
    ...ref,
    ...{ id: seriesId(ref), watched: true, simulated: false, source: null, candles: 0, gaps: 0 },
    ...{ firstOpenTime: null, lastOpenTime: null, hotRows: 0, coldMonths: 0, coveragePct: null },
    ...{ historyStart: null, lastCrawledAt: null, lastError: null },
  };
}

const HELD = [
  ...["binance:BTC/USDT:1m", "binance:BTC/USDT:1h", "binance:BTC/USDT:USDT:1d"],
  ...["binanceusdm:ETH/USDT:USDT:1m", "okx:BTC/EUR:5m", "okx:SOL/USDT:USDT:1m"],
].map(view);

const CHOICES: readonly [exchange: string | undefined, symbol: string, Interval, is: string][] = [
  ["binance", "BTC/USDT", "1m", "binance:BTC/USDT:1m"],
  ["binance", "BTCUSDT", "1m", "binance:BTC/USDT:1m"],
  ["binance", "BTCUSDT", "4h", "binance:BTC/USDT:1h"],
  ["binance", "BTCUSDT", "15m", "binance:BTC/USDT:1m"],
  ["binance", "BTCUSDT", "1d", "binance:BTC/USDT:1h"],
  ["binance", "BTC/USDT:USDT", "1w", "binance:BTC/USDT:USDT:1d"],
  ["okx", "SOLUSDT", "1m", "okx:SOL/USDT:USDT:1m"],
  ["okx", "SOL-USDT-SWAP", "1h", "okx:SOL/USDT:USDT:1m"],
  [undefined, "BTCEUR", "1h", "okx:BTC/EUR:5m"],
  [undefined, "ETHUSDT", "1m", "binanceusdm:ETH/USDT:USDT:1m"],
];

for (const [exchange, symbol, interval, is] of CHOICES) {
  Deno.test(`series directory: ${exchange ?? "any venue"} ${symbol} ${interval} is read from ${is}`, () => {
    assert.equal(chooseSeries(HELD, { exchange, symbol, interval }).id, view(is).id);
  });
}

function refusalOf(work: () => unknown): Refusal {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

Deno.test("series directory: what is not held is refused with the nearest that are", () => {
  const unknown = refusalOf(() =>
    chooseSeries(HELD, { exchange: "okx", symbol: "BTC/EUT", interval: "5m" })
  );
  assert.equal(unknown.code, "not_found");
  assert.deepEqual(unknown.details[0], { field: "symbol", message: "okx:BTC/EUR:5m is held" });
  const smaller = refusalOf(() =>
    chooseSeries(HELD, { exchange: "okx", symbol: "BTC/EUR", interval: "1m" })
  );
  assert.deepEqual(smaller.details, [{ field: "interval", message: "okx:BTC/EUR:5m is held" }]);
  const nowhere = refusalOf(() => findSeries(HELD, "binance.BTC-USDT.5m"));
  assert.deepEqual(nowhere.details[0], { field: "id", message: "binance.BTC-USDT.1m is held" });
});

const UNLIKE: readonly string[] = ["XYZ", "../../etc", "DOGE/EUR", "x"];

for (const text of UNLIKE) {
  Deno.test(`series directory: names nothing as near to ${text} when nothing is`, () => {
    const refusals = [
      refusalOf(() => findSeries(HELD, text)),
      ...["okx", undefined].map((exchange) =>
        refusalOf(() =>
          chooseSeries(HELD, { exchange, symbol: text.replaceAll("..", "a"), interval: "1m" })
        )
      ),
    ];
    for (const { details } of refusals) assert.deepEqual(details, []);
  });
}

const LIKE: readonly [text: string, near: string][] = [
  ["BTC/EUT", "BTC/EUR of okx is held"],
  ["BTC", "BTC/USDT of binance is held"],
  ["SOLUSD", "SOL/USDT:USDT of okx is held"],
  ["BTC/EURO", "BTC/EUR of okx is held"],
];

for (const [symbol, near] of LIKE) {
  Deno.test(`series directory: who asks for ${symbol} hears that ${near}`, () => {
    const { details } = refusalOf(() =>
      chooseSeries(HELD, { exchange: undefined, symbol, interval: "1m" })
    );
    assert.ok(details.some(({ message }) => message === near), JSON.stringify(details));
    assert.ok(new Set(details.map(({ message }) => message)).size === details.length);
  });
}

Deno.test("series directory: finds what was added before the read models have heard of it", async () => {
  const { directory, store } = openDirectory();
  const wanted = { exchange: "kraken", symbol: "NEWUSDT", interval: "1m" } as const;
  await assert.rejects(directory.choose(wanted), { code: "not_found" });
  const { id, exchange, symbol, interval } = view("kraken:NEW/USDT:1m");
  const data = { seriesId: id, exchange, symbol, interval, simulated: false };
  await store.append(
    [{ stream: `series-${id}`, expected: "none", events: [{ type: "SeriesAdded", data }] }],
    { actor: "admin", commandId: crypto.randomUUID() },
  );
  assert.equal((await directory.choose(wanted)).id, id);
  assert.equal((await directory.find(id)).symbol, "NEW/USDT");
  assert.equal((await directory.find("kraken:NEW/USDT:1m")).id, id);
  await assert.rejects(directory.choose({ ...wanted, exchange: undefined }), { code: "not_found" });
});

Deno.test("series directory: text as long as a caller likes is refused quickly", () => {
  const long = "x".repeat(1_000_000);
  assert.equal(refusalOf(() => findSeries(HELD, long)).code, "not_found");
});

type Applied = Parameters<Parameters<Projections["onApplied"]>[0]>[0];

function openDirectory() {
  const listeners: ((events: Applied) => void)[] = [];
  const asked: (readonly string[] | undefined)[] = [];
  let held: readonly SeriesView[] = HELD.toSorted(byId);
  let fails = false;
  const series: SeriesQueries = {
    ...{ lastError: () => Promise.resolve(null), watched: () => Promise.resolve([]) },
    async list(ids) {
      asked.push(ids);
      // A view is of the moment of the question.
      const answer = held.filter(({ id }) => ids?.includes(id) ?? true);
      await Promise.resolve();
      if (fails) throw new Error("lost connection");
      return answer;
    },
    ...{ find: () => Promise.resolve(undefined), gaps: () => Promise.resolve([]) },
    coverage: () => Promise.resolve({ held: [], absent: [], keptOut: [] }),
  };
  const store = new MemoryEventStore({ catalog });
  const directory = createSeriesDirectory({
    series,
    store,
    projections: {
      ...{ revision: () => 0, ready: () => true },
      onApplied: (listener) => void listeners.push(listener),
      ...{ waitFor: () => Promise.resolve(true), status: () => Promise.resolve([]) },
    },
  });
  const tell = (events: Applied) => listeners.forEach((listener) => listener(events));
  return {
    ...{ directory, store, asked },
    /** The rows of these series move, and whoever moved them says so. */
    move(ids: readonly string[] | undefined, change: Partial<SeriesView> = {}) {
      held = held.map((one) => ids?.includes(one.id) ?? true ? { ...one, ...change } : one);
      tell(
        ids?.map((seriesId) => trusted<Recorded>({ type: "KlinesRecorded", data: { seriesId } })),
      );
    },
    add: (one: SeriesView) => void (held = [...held, one].toSorted(byId)),
    mention: (data: unknown) => tell([trusted<Recorded>({ type: "Any", data })]),
    fail: (now: boolean) => void (fails = now),
    held: () => held,
  };
}

Deno.test("series directory: asks the database once until the read models move", async () => {
  const { directory, move, mention, asked } = openDirectory();
  await Promise.all([directory.list(), directory.list()]);
  const before = directory.list();
  mention({ runId: "r" });
  assert.equal(await directory.list(), await before);
  assert.deepEqual(asked, [undefined]);
  move(undefined);
  await directory.list();
  assert.deepEqual(asked, [undefined, undefined]);
});

Deno.test("series directory: reads again only the series that have moved, new ones too", async () => {
  const { directory, add, move, held, asked } = openDirectory();
  await directory.list();
  const [id, other] = ["okx.BTC-EUR.5m", "binance.BTC-USDT.1m"];
  move([id], { candles: 7 });
  move([id, other], { gaps: 1 });
  assert.deepEqual(await directory.list(), held());
  add(view("kraken:NEW/USDT:1m"));
  move(["kraken.NEW-USDT.1m"]);
  assert.deepEqual(await directory.list(), held());
  assert.deepEqual(asked, [undefined, [id, other], ["kraken.NEW-USDT.1m"]]);
});

Deno.test("series directory: what moves while it reads is read again", async () => {
  const { directory, move, held } = openDirectory();
  const first = directory.list();
  move(["okx.BTC-EUR.5m"], { candles: 1 });
  const second = directory.list();
  move(["okx.BTC-EUR.5m"], { candles: 2 });
  const third = directory.list();
  const candles = (views: readonly SeriesView[]) =>
    views.find(({ id }) => id === "okx.BTC-EUR.5m")?.candles;
  assert.deepEqual([await first, await second, await third].map(candles), [0, 1, 2]);
  assert.deepEqual(await directory.list(), held());
});

Deno.test("series directory: a failed read is tried again, not remembered", async () => {
  const { directory, fail, move, held } = openDirectory();
  fail(true);
  await assert.rejects(directory.list(), /lost connection/);
  fail(false);
  assert.equal((await directory.list()).length, HELD.length);
  move(["okx.BTC-EUR.5m"], { candles: 3 });
  fail(true);
  await assert.rejects(directory.list(), /lost connection/);
  fail(false);
  assert.deepEqual(await directory.list(), held());
});
