import assert from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@/domain/decider.ts";
import type { KlinePage, KlineQuery } from "@/domain/ports/kline_reader.ts";
import { atCursor, nextCursor } from "@/routes/klines_cursor.ts";

const QUERY: KlineQuery = {
  ...{ seriesId: "binance.BTC-USDT.1m", stored: "1m", interval: "1m" },
  ...{ start: undefined, end: undefined, limit: 3, order: "asc", fill: "none" },
  ...{ partial: false, format: "arrays", numbers: "number" },
};

/** What the reader promises, on an array of open times. */
function pageOf(openTimes: readonly number[], query: KlineQuery): KlinePage & { times: number[] } {
  const { start = -Infinity, end = Infinity, limit, order } = query;
  const inRange = openTimes.filter((time) => time >= start && time < end);
  const latest = query.start === undefined || order === "desc";
  const kept = latest ? inRange.slice(-limit) : inRange.slice(0, limit);
  const times = order === "asc" ? kept : kept.toReversed();
  return {
    ...{ times, bytes: new Uint8Array(), rows: times.length, cached: false },
    ...{ firstOpenTime: kept.at(0), lastOpenTime: kept.at(-1), more: kept.length < inRange.length },
  };
}

function readAll(openTimes: readonly number[], query: KlineQuery): number[][] {
  const pages: number[][] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined;) {
    const page = pageOf(openTimes, cursor === "" ? query : atCursor(query, cursor));
    pages.push(page.times);
    cursor = nextCursor(query, page);
    assert.ok(pages.length <= openTimes.length + 1, "the cursor must lead to an end");
  }
  return pages;
}

const times = fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { maxLength: 60 })
  .map((all) => all.toSorted((a, b) => a - b));
const bound = fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined });

Deno.test("cursor: pages together are the range, each candle once, whatever the order", () => {
  const order = fc.constantFrom("asc" as const, "desc" as const);
  const limit = fc.integer({ min: 1, max: 20 });
  fc.assert(fc.property(times, bound, bound, order, limit, (all, start, end, order, limit) => {
    const query = { ...QUERY, start, end, order, limit };
    const pages = readAll(all, query);
    const wanted = all.filter((time) => time >= (start ?? 0) && time < (end ?? 1_000));
    // Without a start pages go back in time, each ascending in itself.
    const flat = start === undefined && order === "asc" ? pages.toReversed().flat() : pages.flat();
    assert.deepEqual(flat, order === "asc" ? wanted : wanted.toReversed());
  }));
});

Deno.test("cursor: pages may change their size on the way", () => {
  const all = [1, 2, 3, 4, 5, 6, 7];
  const query = { ...QUERY, start: 0, limit: 2 };
  const cursor = nextCursor(query, pageOf(all, query)) ?? "";
  assert.deepEqual(pageOf(all, atCursor({ ...query, limit: 4 }, cursor)).times, [3, 4, 5, 6]);
});

Deno.test("cursor: there is none after the last page, nor for an empty one", () => {
  assert.equal(nextCursor(QUERY, pageOf([1, 2], QUERY)), undefined);
  assert.equal(nextCursor(QUERY, pageOf([], QUERY)), undefined);
});

Deno.test("cursor: is refused with another query than it was made for", () => {
  const query = { ...QUERY, start: 0 };
  const cursor = nextCursor(query, pageOf([1, 2, 3, 4], query)) ?? "";
  const others: readonly Partial<KlineQuery>[] = [
    ...[{ seriesId: "okx.BTC-USDT.1m" }, { interval: "5m" } as const, { start: 1 }, { end: 9 }],
    ...[{ order: "desc" } as const, { fill: "previous" } as const, { partial: true }],
  ];
  for (const other of others) {
    assert.throws(() => atCursor({ ...query, ...other }, cursor), {
      ...{ name: "Refusal", code: "validation_error", field: "cursor" },
    });
  }
});

Deno.test("cursor: text that is no cursor is refused, whatever it is", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
    assert.throws(() => atCursor(QUERY, text), Refusal);
  }));
});
