import assert from "node:assert/strict";
import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { Refusal } from "@/domain/decider.ts";
import type { Exchange } from "@/domain/ports/exchange.ts";
import { startBinance } from "@/tests/support/binance_server.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const NOW = Date.UTC(2024, 0, 2);

function open(urls: Record<string, string> = {}) {
  return openExchanges({ clock: leapingClock(NOW), log: quietLog, urls });
}

Deno.test("exchanges give one object a venue, also to two who ask at once", async () => {
  const exchanges = open();
  const [a, b] = await Promise.all([exchanges.get("kraken"), exchanges.get("kraken")]);
  assert.equal(a, b);
  assert.equal(await exchanges.get("kraken"), a);
  await exchanges.close();
});

Deno.test("exchanges refuse a venue that nobody knows and name near ones", async () => {
  const exchanges = open();
  await assert.rejects(exchanges.get("binanec"), (error: unknown) => {
    assert.ok(error instanceof Refusal);
    assert.equal(error.code, "not_found");
    assert.deepEqual(error.details[0], { field: "exchange", message: "binance exists" });
    return true;
  });
  await exchanges.close();
});

Deno.test("exchanges refuse an id that is a path", async () => {
  const exchanges = open();
  for (const id of ["../base/Exchange", "base/Exchange", "pro", "__proto__", "constructor"]) {
    await assert.rejects(exchanges.get(id), { code: "not_found" }, id);
  }
  await exchanges.close();
});

Deno.test("exchanges know what is simulated without opening it", async () => {
  const exchanges = open();
  assert.equal(exchanges.isSimulated("simulated"), true);
  assert.equal(exchanges.isSimulated("binance"), false);
  assert.equal((await exchanges.get("simulated")).simulated, true);
  await exchanges.close();
});

Deno.test("exchanges list every venue of ccxt that gives candles, and the simulated one", async () => {
  const exchanges = open();
  const ids = await exchanges.ids();
  for (const id of ["binance", "binanceusdm", "okx", "kraken", "simulated"]) {
    assert.ok(ids.includes(id), id);
  }
  assert.ok(ids.length > 60);
  await exchanges.close();
});

Deno.test("exchanges end requests that are on their way when they are closed", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = startBinance({
    book: new Map([["BTCUSDT 1m", []]]),
    now: () => NOW,
    faults: () => ({ kind: "slow", release: promise }),
  });
  const exchanges = open({ binance: server.url });
  const venue = await exchanges.get("binance");
  const asked = assert.rejects(fetchDay(venue), { name: "AbortError" });
  while (server.klineRequests().length === 0) await new Promise((r) => setTimeout(r));
  await exchanges.close();
  await asked;
  resolve();
  await server.close();
});

Deno.test("binance looks up one symbol instead of loading the whole list", async () => {
  const book = new Map([["BTCUSDT 1m", []], ["ETHUSDT 1m", []]]);
  const server = startBinance({ book, now: () => NOW });
  const exchanges = open({ binance: server.url });
  const venue = await exchanges.get("binance");
  await fetchDay(venue);
  await fetchDay(venue);
  assert.deepEqual(server.requests.filter((path) => path.includes("exchangeInfo")), [
    "/api/v3/exchangeInfo?symbol=BTCUSDT",
  ]);
  await exchanges.close();
  await server.close();
});

Deno.test("binance asks once an hour for a symbol that it does not list, whoever wants it", async () => {
  const book = new Map([["BTCUSDT 1m", []], ["ETHUSDT 1m", []]]);
  const clock = leapingClock(NOW);
  const server = startBinance({ book, now: clock.now });
  const exchanges = openExchanges({ clock, log: quietLog, urls: { binance: server.url } });
  const venue = await exchanges.get("binance");
  const unlisted = async (symbol: string) =>
    await assert.rejects(fetchDay(venue, symbol), { name: "Refusal", code: "not_found" });
  const lookups = () => server.requests.filter((path) => path.includes("exchangeInfo"));
  const whole = () => lookups().filter((path) => !path.includes("symbol="));
  await Promise.all([unlisted("OLD/USDT"), unlisted("OLD/USDT"), unlisted("GONE/USDT")]);
  assert.equal(whole().length, 1);
  const asked = lookups().length;
  await unlisted("OLD/USDT");
  await unlisted("GONE/USDT");
  assert.equal(lookups().length, asked);
  await unlisted("THIRD/USDT");
  assert.equal(lookups().length, asked + 1, "the one symbol alone");
  await clock.sleep(3_600_000);
  await unlisted("OLD/USDT");
  assert.equal(whole().length, 2);
  await exchanges.close();
  await server.close();
});

function fetchDay(venue: Exchange, symbol = "BTC/USDT") {
  return venue.fetchCandles({
    ...{ symbol, interval: "1m" },
    ...{ from: NOW - 86_400_000, to: NOW, limit: 1000 },
  });
}
