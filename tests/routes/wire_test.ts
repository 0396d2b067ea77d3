import assert from "node:assert/strict";
import fc from "fast-check";
import { toWire } from "@/routes/wire.ts";

Deno.test("wire: names become snake_case at every depth, dates ISO 8601", () => {
  const given = {
    seriesId: "binance.BTC-USDT.1m",
    at: new Date(0),
    nested: { firstOpenTime: 1, list: [{ lastOpenTime: null }] },
    added: [[1, 2]],
    blob: { sha256: "ab", sizeBytes: 3 },
  };
  assert.deepEqual(toWire(given), {
    series_id: "binance.BTC-USDT.1m",
    at: "1970-01-01T00:00:00.000Z",
    nested: { first_open_time: 1, list: [{ last_open_time: null }] },
    added: [[1, 2]],
    blob: { sha256: "ab", size_bytes: 3 },
  });
});

Deno.test("wire: JSON that belongs to the user passes untouched", () => {
  const config = { learningRate: 0.1, nested: { epochMs: 1 } };
  assert.deepEqual(toWire({ strategyId: "s", config }), { strategy_id: "s", config });
});

Deno.test("wire: what is undefined is left out, what is null stays", () => {
  assert.deepEqual(toWire({ causationId: undefined, blob: null }), { blob: null });
});

Deno.test("wire: JSON without capital letters in its names is what it was", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = JSON.stringify(value).toLowerCase();
    const lower: unknown = JSON.parse(text);
    assert.deepEqual(toWire(lower), lower);
  }));
});
