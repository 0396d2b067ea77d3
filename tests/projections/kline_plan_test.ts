import { deepEqual, equal } from "node:assert/strict";
import type { KlineQuery } from "@/domain/ports/kline_reader.ts";
import { type HeldPeriod, planRead } from "@/projections/kline_plan.ts";

const MINUTE = 60_000;

function month(period: string, fileSha256: string | null = period): HeldPeriod {
  const firstOpenTime = Date.parse(`${period}-01T00:00:00Z`);
  const next = new Date(firstOpenTime);
  next.setUTCMonth(next.getUTCMonth() + 1);
  const candles = (next.getTime() - firstOpenTime) / MINUTE;
  return {
    period,
    candles,
    firstOpenTime,
    lastOpenTime: next.getTime() - MINUTE,
    fileSha256,
    position: 1,
  };
}

const held = ["2020-01", "2020-02", "2020-03", "2020-04"].map((period) => month(period));

const query: KlineQuery = {
  seriesId: "binance.BTC-USDT.1m",
  stored: "1m",
  interval: "1m",
  start: undefined,
  end: undefined,
  limit: 1000,
  order: "asc",
  fill: "none",
  partial: false,
  format: "arrays",
  numbers: "number",
};

function picked(changes: Partial<KlineQuery>): string[] {
  return planRead({ ...query, ...changes }, held).periods.map(({ period }) => period);
}

Deno.test("planRead() opens the newest file for the latest candles", () => {
  deepEqual(picked({}), ["2020-04"]);
});

Deno.test("planRead() opens one more file when the first one is cut by the start", () => {
  deepEqual(picked({ start: Date.parse("2020-02-29T23:50:00Z") }), ["2020-02", "2020-03"]);
});

Deno.test("planRead() takes no file outside the asked range", () => {
  const start = Date.parse("2020-02-01T00:00:00Z");
  deepEqual(picked({ start, end: start + 10 * MINUTE }), ["2020-02"]);
  deepEqual(picked({ start: Date.parse("2021-01-01T00:00:00Z") }), []);
});

Deno.test("planRead() takes as many files as an aggregated answer needs", () => {
  deepEqual(picked({ interval: "1h" }), ["2020-03", "2020-04"]);
  deepEqual(picked({ interval: "1d", limit: 20 }), ["2020-04"]);
  equal(picked({ interval: "1d" }).length, 4);
});

Deno.test("planRead() starts with a whole bar when it aggregates and with the exact time when not", () => {
  const start = Date.parse("2020-02-01T00:30:00.5Z");
  equal(planRead({ ...query, start }, held).from, start);
  const hourly = planRead({ ...query, interval: "1h", start }, held);
  equal(hourly.from, Date.parse("2020-02-01T01:00:00Z"));
});

Deno.test("planRead() reads newest first for order=desc and for no start", () => {
  const start = Date.parse("2020-01-01T00:00:00Z");
  deepEqual(
    [{}, { order: "desc", start } as const, { start }].map((c) =>
      planRead({ ...query, ...c }, held).keep
    ),
    ["latest", "latest", "oldest"],
  );
});

Deno.test("planRead() answers nothing for a series without candles", () => {
  deepEqual(planRead(query, []).periods, []);
});
