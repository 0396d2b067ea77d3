import { equal } from "node:assert/strict";
import fc from "fast-check";
import { series, type SeriesCommand } from "@/domain/series.ts";
import type { SeriesEvent } from "@/events/catalog/series.ts";
import { stateAfter, testDecider } from "../support/given.ts";

const seriesId = "binance.BTC-USDT.1m";
const identity = {
  seriesId,
  exchange: "binance",
  symbol: "BTC/USDT",
  interval: "1m",
  simulated: false,
};
const added = { type: "SeriesAdded", data: identity } as const;
const watched = { type: "SeriesWatched", data: { seriesId, historyStart: null } } as const;
const since2021 = {
  type: "SeriesWatched",
  data: { seriesId, historyStart: 1_609_459_200_000 },
} as const;
const historyStartSet = {
  type: "SeriesHistoryStartSet",
  data: { seriesId, historyStart: 1609459200000 },
} as const;
const unwatched = { type: "SeriesUnwatched", data: { seriesId } } as const;
const scale = { seriesId, price: 2, volume: 6, quote: 8 };
const widened = { type: "SeriesScaleWidened", data: scale } as const;
const failed = { type: "SeriesCrawlFailed", data: { seriesId, error: "429" } } as const;
const recovered = { type: "SeriesCrawlRecovered", data: { seriesId } } as const;

testDecider("AddSeries", series, [
  { name: "adds it", given: [], when: { type: "AddSeries", data: identity }, then: [added] },
  {
    name: "is silent for the same series",
    given: [added, watched],
    when: { type: "AddSeries", data: identity },
    then: [],
  },
  {
    name: "refuses another symbol that would share the id",
    given: [added],
    when: { type: "AddSeries", data: { ...identity, symbol: "BTC-USDT" } },
    then: "conflict",
  },
  {
    name: "is silent for the symbol of a series that was added under its folder's name",
    given: [{ type: "SeriesAdded", data: { ...identity, symbol: "BTC-USDT" } }],
    when: { type: "AddSeries", data: identity },
    then: [],
  },
  {
    name: "refuses another exchange on the id",
    given: [added],
    when: { type: "AddSeries", data: { ...identity, exchange: "okx" } },
    then: "conflict",
  },
  {
    name: "refuses simulated candles among real ones",
    given: [added],
    when: { type: "AddSeries", data: { ...identity, simulated: true } },
    then: "conflict",
  },
  {
    name: "refuses real candles among simulated ones",
    given: [{ type: "SeriesAdded", data: { ...identity, simulated: true } }],
    when: { type: "AddSeries", data: identity },
    then: "conflict",
  },
]);

testDecider("WatchSeries", series, [
  {
    name: "starts a crawl",
    given: [added],
    when: { type: "WatchSeries", data: watched.data },
    then: [watched],
  },
  {
    name: "is silent when it is watched like that",
    given: [added, since2021],
    when: { type: "WatchSeries", data: since2021.data },
    then: [],
  },
  {
    name: "records another start of history",
    given: [added, watched],
    when: { type: "WatchSeries", data: since2021.data },
    then: [since2021],
  },
  {
    name: "sets where its history begins without watching it",
    given: [added],
    when: { type: "SetHistoryStart", data: historyStartSet.data },
    then: [historyStartSet],
  },
  {
    name: "is silent when its history begins there already",
    given: [added, historyStartSet],
    when: { type: "SetHistoryStart", data: historyStartSet.data },
    then: [],
  },
  {
    name: "takes an unwatched one up again",
    given: [added, watched, unwatched],
    when: { type: "WatchSeries", data: watched.data },
    then: [watched],
  },
  {
    name: "refuses an unknown series",
    given: [],
    when: { type: "WatchSeries", data: watched.data },
    then: "not_found",
  },
]);

testDecider("UnwatchSeries", series, [
  {
    name: "stops a crawl",
    given: [added, watched],
    when: { type: "UnwatchSeries", data: { seriesId } },
    then: [unwatched],
  },
  {
    name: "is silent when nothing is crawled",
    given: [added],
    when: { type: "UnwatchSeries", data: { seriesId } },
    then: [],
  },
  {
    name: "refuses an unknown series",
    given: [],
    when: { type: "UnwatchSeries", data: { seriesId } },
    then: "not_found",
  },
]);

testDecider("WidenScale", series, [
  {
    name: "records the first scale",
    given: [added],
    when: { type: "WidenScale", data: scale },
    then: [widened],
  },
  {
    name: "never narrows",
    given: [added, widened],
    when: { type: "WidenScale", data: { seriesId, price: 1, volume: 0, quote: 8 } },
    then: [],
  },
  {
    name: "keeps what is wider already beside what grows",
    given: [added, widened],
    when: { type: "WidenScale", data: { seriesId, price: 3, volume: 0, quote: 0 } },
    then: [{ type: "SeriesScaleWidened", data: { ...scale, price: 3 } }],
  },
  {
    name: "refuses an unknown series",
    given: [],
    when: { type: "WidenScale", data: scale },
    then: "not_found",
  },
]);

testDecider("RecordCrawlFailure", series, [
  {
    name: "records that a crawl starts to fail",
    given: [added, watched],
    when: { type: "RecordCrawlFailure", data: failed.data },
    then: [failed],
  },
  {
    name: "is silent while it fails for the same reason",
    given: [added, watched, failed],
    when: { type: "RecordCrawlFailure", data: failed.data },
    then: [],
  },
  {
    name: "records another reason",
    given: [added, watched, failed],
    when: { type: "RecordCrawlFailure", data: { seriesId, error: "no such symbol" } },
    then: [{ type: "SeriesCrawlFailed", data: { seriesId, error: "no such symbol" } }],
  },
  {
    name: "records the same reason again after a recovery",
    given: [added, failed, recovered],
    when: { type: "RecordCrawlFailure", data: failed.data },
    then: [failed],
  },
]);

testDecider("RecordCrawlRecovery", series, [
  {
    name: "records that it works again",
    given: [added, watched, failed],
    when: { type: "RecordCrawlRecovery", data: { seriesId } },
    then: [recovered],
  },
  {
    name: "is silent while it works",
    given: [added, watched],
    when: { type: "RecordCrawlRecovery", data: { seriesId } },
    then: [],
  },
]);

const anyEvent = fc.constantFrom<SeriesEvent>(
  added,
  watched,
  since2021,
  unwatched,
  widened,
  failed,
  recovered,
);
const anyCommand = fc.constantFrom<SeriesCommand>(
  { type: "AddSeries", data: identity },
  { type: "WatchSeries", data: since2021.data },
  { type: "UnwatchSeries", data: { seriesId } },
  { type: "WidenScale", data: { ...scale, price: 9 } },
  { type: "RecordCrawlFailure", data: failed.data },
  { type: "RecordCrawlRecovery", data: { seriesId } },
);

Deno.test("any command on any added series is silent the second time", () => {
  fc.assert(fc.property(fc.array(anyEvent), anyCommand, (events, command) => {
    const state = stateAfter(series, [added, ...events]);
    const decided = series.decide(command, state);
    equal(series.decide(command, decided.reduce(series.evolve, state)).length, 0);
  }));
});

Deno.test("events of a series that was never added change nothing and throw nothing", () => {
  for (const event of [watched, unwatched, widened, failed, recovered]) {
    equal(stateAfter(series, [event]), series.initial);
  }
});
