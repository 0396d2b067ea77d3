import assert from "node:assert/strict";
import { askVenue } from "@/cron/ask_venue.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Log, LogFields } from "@/domain/ports/log.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import { tableExchange, type TableOptions } from "@/tests/support/table_exchange.ts";

const START = utc("2024-03-01");
const MINUTE = 60_000;
const NOW = START + 100 * MINUTE;
const CANDLES = Array.from({ length: 100 }, (_, i) => candle({ openTime: START + i * MINUTE }));

function ask(
  options: Partial<TableOptions> & {
    priority?: "live" | "history";
    signal?: AbortSignal;
    log?: Log;
  } = {},
) {
  const { priority = "history", signal = new AbortController().signal, log = quietLog } = options;
  const clock = leapingClock(NOW);
  const venue = tableExchange({ candles: CANDLES, now: () => NOW, ...options });
  const asker = askVenue({
    ...{ venue, clock, priority, signal, log, now: NOW },
    ...{ symbol: "BTC/USDT", interval: "1m", random: () => 0.5 },
  });
  return { asker, venue, clock };
}

Deno.test("venue is asked again, later each time, until it answers", async () => {
  const { asker, clock } = ask({ fault: (n) => n <= 4 ? "down" : undefined });
  const page = await asker.page([START, NOW]);
  assert.equal(page.length, 100);
  assert.deepEqual(clock.slept, [500, 1_000, 2_000, 4_000]);
});

Deno.test("venue is given up after some attempts, at the live edge sooner", async () => {
  for (const [priority, attempts] of [["live", 3], ["history", 6]] as const) {
    const { asker, venue } = ask({ priority, fault: () => "down" });
    await assert.rejects(asker.page([START, NOW]), /it is down/);
    assert.equal(venue.requests.length, attempts);
    assert.ok(venue.requests.every((request) => request.priority === priority));
  }
});

Deno.test("venue is not asked again for what asking again cannot mend", async () => {
  const { asker, venue } = ask();
  let asked = 0;
  venue.fetchCandles = () => {
    asked++;
    return Promise.reject(
      new AdapterError("no rights", { port: "exchange", op: "x", retryable: false }),
    );
  };
  await assert.rejects(asker.page([START, NOW]), /no rights/);
  assert.equal(asked, 1);
});

Deno.test("venue that names a time is left alone for as long", async () => {
  const { asker, venue, clock } = ask();
  const fetch = venue.fetchCandles;
  let asked = 0;
  venue.fetchCandles = (request, signal) => {
    const limited = { port: "exchange", op: "x", retryable: true, retryAfterMs: 90_000 };
    return asked++ === 0
      ? Promise.reject(new AdapterError("slow down", limited))
      : fetch(request, signal);
  };
  await asker.page([START, NOW]);
  assert.deepEqual(clock.slept, [90_000]);
});

Deno.test("venue's empty page after a failure is asked for once more", async () => {
  const faults = ["down", "empty"] as const;
  const { asker, venue } = ask({ fault: (n) => faults[n - 1] });
  assert.equal((await asker.page([START, NOW])).length, 100);
  assert.equal(venue.requests.length, 3);
});

Deno.test("venue is asked twice before nothing at all is believed", async () => {
  const { asker, venue } = ask({ fault: (n) => n === 1 ? "empty" : undefined });
  assert.equal(await asker.firstFrom(START + 7 * MINUTE), START + 7 * MINUTE);
  assert.equal(venue.requests.length, 2);
  const none = ask({ candles: [] });
  assert.equal(await none.asker.firstFrom(START), undefined);
  assert.equal(none.venue.requests.length, 2);
});

Deno.test("venue that does not jump is searched for its first candle", async () => {
  for (const listed of [0, 1, 49, 50, 51, 98, 99]) {
    for (const pageLimit of [1, 7, 1000]) {
      const { asker } = ask({
        ...{ candles: CANDLES.slice(listed), pageLimit, seeksForward: false },
      });
      const from = START - 5_000 * MINUTE;
      assert.equal(await asker.firstFrom(from), START + listed * MINUTE, `${listed} ${pageLimit}`);
    }
  }
});

Deno.test("venue's failures are logged with what was asked, one line an attempt", async () => {
  const lines: [string, LogFields | undefined][] = [];
  const log: Log = { ...quietLog, warn: (message, fields) => void lines.push([message, fields]) };
  const { asker } = ask({ log, fault: (n) => n === 1 ? "down" : undefined });
  await asker.page([START, NOW]);
  assert.deepEqual(lines, [["asking the exchange again", {
    ...{ exchange: "table", symbol: "BTC/USDT", interval: "1m", attempt: 1, delayMs: 500 },
    error: "Cannot ask table: it is down",
  }]]);
});

Deno.test("venue is not asked any more once the crawl is aborted", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const { asker, venue } = ask({
    signal: stop.signal,
    fault() {
      stop.abort(reason);
      return "down";
    },
  });
  await assert.rejects(asker.page([START, NOW]), reason);
  assert.equal(venue.requests.length, 1);
});
