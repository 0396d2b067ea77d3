import assert from "node:assert/strict";
import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import type { Exchange } from "@/domain/ports/exchange.ts";
import { type Fault, scripted } from "@/tests/support/binance_faults.ts";
import { bookKey, startBinance } from "@/tests/support/binance_server.ts";
import { wireRow } from "@/tests/support/binance_book.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const START = utc("2024-03-01");
const MINUTE = 60_000;
const CANDLES = Array.from({ length: 10 }, (_, i) => candle({ openTime: START + i * MINUTE }));

interface Scene {
  readonly exchange: Exchange;
  readonly clock: ReturnType<typeof leapingClock>;
  readonly server: ReturnType<typeof startBinance>;
  fetch(signal?: AbortSignal): Promise<Candle[]>;
}

async function withFaults(
  faults: readonly (Fault | undefined)[],
  body: (scene: Scene) => Promise<void>,
  { timeoutMs = 30_000 } = {},
): Promise<void> {
  const now = START + 10 * MINUTE;
  const clock = leapingClock(now);
  const book = new Map([[bookKey("BTCUSDT", "1m"), CANDLES.map((one) => wireRow(one, "1m"))]]);
  const server = startBinance({ book, now: () => now, faults: scripted(...faults) });
  const exchanges = openExchanges({
    ...{ clock, log: quietLog, timeoutMs },
    urls: { binance: server.url },
  });
  const exchange = await exchanges.get("binance");
  const request = { symbol: "BTC/USDT", interval: "1m", from: START, to: now, limit: 50 } as const;
  try {
    await body({
      ...{ exchange, clock, server },
      fetch: (signal) => exchange.fetchCandles(request, signal),
    });
  } finally {
    await exchanges.close();
    await server.close();
  }
}

const RETRYABLE: readonly { title: string; fault: Fault; message: RegExp }[] = [
  {
    title: "a bad gateway",
    fault: { kind: "server_error", status: 502 },
    message: /it answered HTTP 502/,
  },
  {
    title: "a server error with a body of an error code",
    fault: { kind: "server_error", status: 500, body: `{"code":-1000,"msg":"unknown"}` },
    message: /it answered HTTP 500/,
  },
  { title: "an answer that is cut off", fault: { kind: "truncated" }, message: /cut off/ },
  { title: "a page of HTML", fault: { kind: "html" }, message: /page for people/ },
  { title: "a reset connection", fault: { kind: "reset" }, message: /cannot be reached/ },
];

for (const { title, fault, message } of RETRYABLE) {
  Deno.test(`binance says that it can be asked again after ${title}, and then answers`, async () => {
    await withFaults([fault], async ({ fetch }) => {
      await assert.rejects(fetch(), (error: unknown) => {
        assert.ok(error instanceof AdapterError);
        assert.match(error.message, message);
        assert.equal(error.port, "exchange");
        assert.match(error.op, /^binance fetchCandles BTC\/USDT 1m$/);
        assert.equal(error.retryable, true);
        return true;
      });
      assert.equal((await fetch()).length, CANDLES.length);
    });
  });
}

for (const kind of ["rate_limited", "banned"] as const) {
  Deno.test(`binance leaves the whole venue alone for as long as it asks when ${kind}`, async () => {
    await withFaults([{ kind, retryAfterS: 30 }], async ({ fetch, exchange, clock }) => {
      await assert.rejects(fetch(), (error: unknown) => {
        assert.ok(error instanceof AdapterError);
        assert.deepEqual([error.retryable, error.retryAfterMs], [true, 30_000]);
        assert.match(error.hint ?? "", /EXCHANGE_INTERVAL_MS/);
        return true;
      });
      const before = clock.now();
      await exchange.time();
      assert.ok(clock.now() - before >= 30_000, "another request waited for the pause");
      assert.equal((await fetch()).length, CANDLES.length);
    });
  });
}

Deno.test("binance is left alone for a while when it limits without saying how long", async () => {
  await withFaults([{ kind: "rate_limited" }, { kind: "banned" }], async ({ fetch }) => {
    await assert.rejects(fetch(), { retryAfterMs: 10_000 });
    await assert.rejects(fetch(), { retryAfterMs: 120_000 });
  });
});

Deno.test("binance gives up an answer that takes too long, body included", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await withFaults([{ kind: "slow", release: promise }], async ({ fetch }) => {
    const failure = assert.rejects(fetch(), { retryable: true, message: /not answer in time/ });
    await failure;
    resolve();
  }, { timeoutMs: 500 });
});

Deno.test("binance stops a request on its way when it is aborted", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await withFaults([{ kind: "slow", release: promise }], async ({ fetch, server }) => {
    const stop = new AbortController();
    const asked = fetch(stop.signal);
    while (server.klineRequests().length === 0) await new Promise((r) => setTimeout(r));
    const reason = new Error("enough");
    stop.abort(reason);
    await assert.rejects(asked, reason);
    resolve();
  });
});

Deno.test("binance does not ask again where it does not serve this place", async () => {
  await withFaults([{ kind: "server_error", status: 451 }], async ({ fetch }) => {
    await assert.rejects(fetch(), { retryable: false, hint: /EXCHANGE_PROXY/ });
  });
});

Deno.test("binance drops what a page repeats", async () => {
  await withFaults([{ kind: "repeat_boundary" }], async ({ fetch }) => {
    assert.deepEqual(
      (await fetch()).map((c) => c.openTime),
      CANDLES.map((c) => c.openTime),
    );
  });
});

Deno.test("binance says the same sentence each time the same thing fails", async () => {
  const fault = { kind: "reset" } as const;
  await withFaults([fault, fault], async ({ fetch }) => {
    const first = await fetch().catch((error: Error) => error.message);
    const second = await fetch().catch((error: Error) => error.message);
    assert.equal(first, "Cannot ask binance: it cannot be reached");
    assert.equal(second, first);
  });
});
