import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import { createCandleWindow } from "@/cron/commands/candle_window.ts";
import type { PageQuery } from "@/domain/ports/installation.ts";
import { MemoryInstallation } from "../../support/memory_installation.ts";

const BTC = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const MINUTE = 60_000;
const { signal } = new AbortController();

/** An installation whose pages hold this many rows, and how often one was read. */
class SmallPages extends MemoryInstallation {
  reads = 0;
  constructor(readonly rows: number) {
    super();
  }
  override readPage(query: PageQuery) {
    this.reads++;
    return super.readPage({ ...query, limit: Math.min(query.limit, this.rows) });
  }
}

async function read(window: ReturnType<typeof createCandleWindow>, from: number, to: number) {
  const parts = await Array.fromAsync(window.lines(from, to));
  equal(parts.every((part) => part.length > 0), true);
  return parts.flat().map((line) => Number.parseInt(line));
}

Deno.test("a candle window gives each range its candles, for every order of ranges and size of pages", async () => {
  const times = fc.uniqueArray(fc.nat(300), { maxLength: 80 })
    .map((all) => all.sort((a, b) => a - b).map((i) => i * 1_000 + i % 3));
  const range = fc.tuple(fc.nat(320_000), fc.nat(100_000)).map(([from, length]) =>
    [from, from + length] as const
  );
  await fc.assert(
    fc.asyncProperty(
      ...[times, fc.array(range, { maxLength: 6 }), fc.integer({ min: 1, max: 50 })] as const,
      async (openTimes, ranges, rows) => {
        const installation = new SmallPages(rows);
        installation.hold(BTC, openTimes);
        const end = 310_000;
        const window = createCandleWindow({ installation, series: BTC, stored: "1m", end, signal });
        for (const [from, to] of ranges) {
          deepEqual(
            await read(window, from, to),
            openTimes.filter((t) => t >= from && t < Math.min(to, end)),
          );
        }
      },
    ),
  );
});

Deno.test("a candle window reads each page once for many small ranges after each other", async () => {
  const installation = new SmallPages(1_000);
  installation.hold(BTC, Array.from({ length: 10_000 }, (_, i) => i * MINUTE));
  const end = 10_000 * MINUTE;
  const window = createCandleWindow({ installation, series: BTC, stored: "1m", end, signal });
  for (let at = 0; at < 10_000; at += 100) {
    equal((await read(window, at * MINUTE, (at + 100) * MINUTE)).length, 100);
  }
  equal(installation.reads <= 11, true, `${installation.reads} reads`);
});

Deno.test("a candle window stops when it is told to", async () => {
  const stop = new AbortController();
  const installation = new SmallPages(10);
  installation.hold(BTC, Array.from({ length: 100 }, (_, i) => i * MINUTE));
  const options = {
    installation,
    series: BTC,
    stored: "1m" as const,
    end: 100 * MINUTE,
    signal: stop.signal,
  };
  const lines = createCandleWindow(options).lines(0, 100 * MINUTE);
  await lines.next();
  stop.abort();
  await rejects(lines.next(), { name: "AbortError" });
});
