import assert from "node:assert/strict";
import ccxt from "ccxt";
import { venueError } from "@/adapters/exchange/venue_errors.ts";
import { VenueFailure } from "@/adapters/exchange/venue_failure.ts";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";

const FAILED = { venue: "okx", op: "fetchCandles BTC/USDT 1m", pausedMs: 0 };

const CASES: readonly [title: string, Error, retryable: boolean, RegExp][] = [
  ["a lost connection", new ccxt.NetworkError("x"), true, /cannot be reached/],
  ["a timeout", new ccxt.RequestTimeout("x"), true, /not answer in time/],
  ["maintenance", new ccxt.OnMaintenance("x"), true, /maintenance/],
  ["an exchange that is not available", new ccxt.ExchangeNotAvailable("x"), true, /be reached/],
  ["a rate limit in words", new ccxt.RateLimitExceeded("x"), true, /fewer requests/],
  ["protection from floods", new ccxt.DDoSProtection("x"), true, /fewer requests/],
  ["an unusable answer", new ccxt.BadResponse("x"), true, /unusable/],
  ["a nonce out of order", new ccxt.InvalidNonce("x"), true, /be reached/],
  ["missing rights", new ccxt.PermissionDenied("no rights"), false, /no rights/],
  ["a place that is not served", new ccxt.RestrictedLocation("x"), false, /this place/],
  ["a bad request", new ccxt.BadRequest("no such thing"), false, /no such thing/],
  ["what it does not support", new ccxt.NotSupported("not that"), false, /not that/],
  ["an answer we refused", new VenueFailure("it lied", { retryable: true }), true, /it lied/],
  ["a bug", new TypeError("undefined is not a function"), false, /not a function/],
];

for (const [title, error, retryable, message] of CASES) {
  Deno.test(`venue error for ${title} says whether to ask again`, () => {
    const mapped = venueError(error, FAILED);
    assert.ok(mapped instanceof AdapterError);
    assert.deepEqual([mapped.retryable, mapped.port], [retryable, "exchange"]);
    assert.equal(mapped.op, "okx fetchCandles BTC/USDT 1m");
    assert.match(mapped.message, /^Cannot ask okx: /);
    assert.match(mapped.message, message);
    assert.equal(mapped.cause, error);
    assert.equal(mapped.retryAfterMs, undefined);
  });
}

Deno.test("venue error tells how long the venue wants to be left alone", () => {
  const mapped = venueError(new ccxt.DDoSProtection("x"), { ...FAILED, pausedMs: 7_000 });
  assert.ok(mapped instanceof AdapterError);
  assert.equal(mapped.retryAfterMs, 7_000);
});

Deno.test("venue error leaves our own errors as they are", () => {
  const refusal = new Refusal("not_found", "no such symbol");
  assert.equal(venueError(refusal, FAILED), refusal);
});

Deno.test("venue error does not repeat a whole page of the venue's", () => {
  const mapped = venueError(new ccxt.ExchangeError(`<html>${"x".repeat(5_000)}`), FAILED);
  assert.ok(mapped.message.length < 300);
});
