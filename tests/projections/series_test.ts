import { deepEqual, equal } from "node:assert/strict";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { SeriesEvent } from "@/events/catalog/series.ts";
import type { Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import { fold, type ProjectedRow, touches } from "@/projections/fold.ts";
import { series, type SeriesRow } from "@/projections/series.ts";

const SERIES_ID = "binance.BTC-USDT.1m";
const at = (minute: number) => new Date(Date.UTC(2024, 0, 1, 0, minute));

/** Event n happens at minute n. */
function rowAfter(...events: readonly (SeriesEvent | KlineEvent)[]): SeriesRow | undefined {
  const log = events.map((event, n): Recorded => ({
    ...trusted<Recorded>(event),
    ...{ position: n + 1, stream: "s", version: n + 1, id: String(n), schema: 1, at: at(n) },
    meta: { actor: "job:test", commandId: "c" },
  }));
  const rows = new Map<string, ProjectedRow>();
  return trusted(fold(series, rows, touches(series, log)).get(SERIES_ID));
}

const added: SeriesEvent = {
  type: "SeriesAdded",
  data: {
    ...{ seriesId: SERIES_ID, exchange: "binance", symbol: "BTC/USDT" },
    ...{ interval: "1m", simulated: false },
  },
};

const fresh: SeriesRow = {
  ...{ seriesId: SERIES_ID, exchange: "binance", symbol: "BTC/USDT", interval: "1m" },
  ...{ simulated: false, watched: false, historyStart: null },
  ...{ priceScale: 0, volumeScale: 0, quoteScale: 0 },
  ...{ lastCrawledAt: null, lastError: null, addedAt: at(0) },
};

const seriesId = SERIES_ID;
const place = { seriesId, period: "2024-01" };
const counts = { ingested: 1, revised: 0, unchanged: 0, heldBetter: 0 };

function recorded(source: "exchange" | "import" | "api"): KlineEvent {
  const range = { from: 0, to: 60_000, added: [], candles: [], blob: null };
  return { type: "KlinesRecorded", data: { ...place, ...counts, ...range, source } };
}

function archived(source: "exchange" | "import"): KlineEvent {
  const file = {
    blob: { sha256: "a".repeat(64), sizeBytes: 1 },
    replaces: null,
    rows: 1,
    held: [],
  };
  const bounds = { firstOpenTime: 0, lastOpenTime: 0, scale: { price: 9, volume: 9, quote: 9 } };
  return { type: "KlinesArchived", data: { ...place, ...counts, ...file, ...bounds, source } };
}

const absent: KlineEvent = {
  type: "KlinesFoundAbsent",
  data: { ...place, ranges: [[0, 60_000]], askedAt: 0 },
};

const cases: readonly [string, readonly (SeriesEvent | KlineEvent)[], Partial<SeriesRow>][] = [
  ["is not watched when it is added", [], {}],
  ["is watched from its own start of history", [
    { type: "SeriesWatched", data: { seriesId, historyStart: 5 } },
  ], { watched: true, historyStart: 5 }],
  ["keeps the start of history when it is not watched any more", [
    { type: "SeriesWatched", data: { seriesId, historyStart: 5 } },
    { type: "SeriesUnwatched", data: { seriesId } },
  ], { watched: false, historyStart: 5 }],
  ["takes the installation's start of history again", [
    { type: "SeriesWatched", data: { seriesId, historyStart: 5 } },
    { type: "SeriesWatched", data: { seriesId, historyStart: null } },
  ], { watched: true, historyStart: null }],
  ["only ever widens its scale", [
    { type: "SeriesScaleWidened", data: { seriesId, price: 2, volume: 8, quote: 0 } },
    { type: "SeriesScaleWidened", data: { seriesId, price: 4, volume: 5, quote: 1 } },
  ], { priceScale: 4, volumeScale: 8, quoteScale: 1 }],
  ["shows why its crawl fails until it recovers", [
    { type: "SeriesCrawlFailed", data: { seriesId, error: "banned" } },
  ], { lastError: "banned" }],
  ["forgets the failure when the crawl recovers", [
    { type: "SeriesCrawlFailed", data: { seriesId, error: "banned" } },
    { type: "SeriesCrawlRecovered", data: { seriesId } },
  ], {}],
  ["was crawled when candles came from the exchange", [recorded("exchange")], {
    lastCrawledAt: at(1),
  }],
  ["was crawled when the exchange's candles were filed", [
    recorded("exchange"),
    archived("exchange"),
  ], {
    lastCrawledAt: at(2),
  }],
  ["was crawled when the exchange had nothing", [absent], { lastCrawledAt: at(1) }],
  ["was not crawled when candles came otherwise", [
    recorded("import"),
    recorded("api"),
    archived("import"),
  ], {}],
];

for (const [title, events, changes] of cases) {
  Deno.test(`series: ${title}`, () => {
    deepEqual(rowAfter(added, ...events), { ...fresh, ...changes });
  });
}

Deno.test("series: events of a series that was never added make no row", () => {
  equal(rowAfter({ type: "SeriesUnwatched", data: { seriesId } }, recorded("exchange")), undefined);
});
