import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { createOpenCandles } from "@/cron/open_candles.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { type Interval, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import type { CandleRequest, Exchange } from "@/domain/ports/exchange.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type FakeClock, fakeClock, settle } from "@/tests/support/fake_clock.ts";
import { hold } from "@/tests/support/hold.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

/** Minutes, hours, days and months turn here. */
const TURN = utc("2024-02-01");
const MINUTE = 60_000;
/** The first candle of each series. */
const FIRST = TURN - 7 * MINUTE;
const LARGER = ["5m", "1h", "1d"] as const;
const ELSEWHERE = { interval: "1d", timeZone: "&timeZone=-0:30", offsetMs: -30 * MINUTE } as const;

/** How one series comes. */
interface Course {
  /** The venue's clock less ours. */
  readonly aheadMs: number;
  /** How long after its start a minute has its first trade. */
  readonly quietMs: number;
  /** How long after its end each minute is stored. */
  readonly storingMs: readonly number[];
  /** When it is looked at, from the turn on. */
  readonly looks: readonly number[];
}

const anyLook = fc.oneof(
  fc.integer({ min: -70_000, max: 70_000 }),
  fc.tuple(fc.constantFrom(-MINUTE, 0, MINUTE), fc.integer({ min: -1_200, max: 3_500 }))
    .map(([turn, ms]) => turn + ms),
);
const anyCourse: fc.Arbitrary<Course> = fc.record({
  aheadMs: fc.integer({ min: -400, max: 400 }),
  quietMs: fc.constantFrom(1, 900, 2_500),
  storingMs: fc.array(fc.integer({ min: 1_000, max: 10_000 }), { minLength: 4, maxLength: 4 }),
  looks: fc.array(anyLook, { minLength: 2, maxLength: 4 })
    .map((looks) => [-500, 100, 1_100, 2_600, ...looks].toSorted((a, b) => a - b)),
});

let clock: FakeClock = fakeClock(0);
let course: Course = { aheadMs: 0, quietMs: 0, storingMs: [], looks: [] };
const venueTime = () => clock.now() + course.aheadMs;

/** A minute that has closed has a volume of 1, one that runs of half as much. */
function minuteAt(openTime: number): Candle {
  return candle({ openTime, volume: openTime + MINUTE <= venueTime() ? "1" : "0.5" });
}

const venue: Exchange = {
  ...{ id: "binance", simulated: false, pageLimit: 1000, seeksForward: true },
  time: () => Promise.resolve(venueTime()),
  resolveSymbol: (symbol) => Promise.resolve(symbol),
  fetchCandles({ from, to, limit }: CandleRequest) {
    const found: Candle[] = [];
    for (let openTime = from; openTime < to && found.length < limit; openTime += MINUTE) {
      if (venueTime() >= openTime + course.quietMs) found.push(minuteAt(openTime));
    }
    return Promise.resolve(found);
  },
  close: () => Promise.resolve(),
};

let opened: Promise<TestApp> | undefined;
Deno.test.afterAll(async () => await (await opened)?.close());

function openOnce(): Promise<TestApp> {
  const turning = {
    now: () => clock.now(),
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal),
  };
  const exchanges = { get: () => Promise.resolve(venue) };
  const openCandles = createOpenCandles({ exchanges, clock: turning, log: quietLog });
  return opened ??= openApp({
    ...{ clock: turning, openCandles, settings: { openCandle: true } },
    venues: {
      ...{ isSimulated: () => false, ids: () => Promise.resolve(["binance"]) },
      require: () => Promise.resolve(),
      resolveSymbol: (_exchange, symbol) => Promise.resolve(symbol),
    },
  });
}

interface Seen {
  readonly openTime: number;
  readonly volume: number;
}

/** The last two bars. */
async function look({ ask }: TestApp, symbol: string, query: string): Promise<Seen[]> {
  const path = `/compat/binance/api/v3/klines?symbol=${symbol}&limit=2&${query}`;
  const rows: [number, ...string[]][] = await (await ask("GET", path)).json();
  return rows.map((row) => ({ openTime: row[0], volume: Number(row[5]) }));
}

/** What a larger bar holds if nothing lacks and nothing is counted twice. */
function expected(openTime: number, end: number, newest: Seen): Seen {
  const upTo = Math.min(end, newest.openTime);
  const whole = (upTo - Math.max(openTime, FIRST)) / MINUTE;
  return { openTime, volume: whole + (newest.openTime < end ? newest.volume : 0) };
}

function larger(interval: Interval, offsetMs: number, newest: Seen): Seen[] {
  const openTime = slotStart(interval, newest.openTime, offsetMs);
  const before = slotStart(interval, openTime - 1, offsetMs);
  const endOf = (start: number) => slotEnd(interval, start, offsetMs);
  return [before, openTime].filter((start) => endOf(start) > FIRST)
    .map((start) => expected(start, endOf(start), newest));
}

let symbols = 0;

Deno.test("newest bars: nothing lacks, goes back or shows twice when minutes, days and months turn", async () => {
  const app = await openOnce();
  await fc.assert(
    fc.asyncProperty(anyCourse, async (next) => {
      course = next;
      clock = fakeClock(TURN - 80_000);
      const base = `S${++symbols}`;
      const json = { exchange: "binance", symbol: `${base}/USDT`, interval: "1m" };
      await app.json("POST", "/api/v1/series", { as: "admin", json });
      const series = `binance:${base}/USDT:1m`;
      const held = Array.from({ length: 5 }, (_, minute) => FIRST + minute * MINUTE);
      await hold(app, series, held.map(minuteAt));
      const due = course.storingMs.map((ms, place) => {
        const openTime = TURN + (place - 2) * MINUTE;
        return { openTime, at: openTime + MINUTE - course.aheadMs + ms };
      });
      let last = 0;
      for (const ms of course.looks) {
        clock.advance(TURN + ms - clock.now());
        while ((due[0]?.at ?? Infinity) <= clock.now()) {
          const { openTime } = due.shift() ?? { openTime: 0 };
          await hold(app, series, [minuteAt(openTime)]);
        }
        // What is asked for behind this answer is known to all that follow.
        const first = (await look(app, `${base}USDT`, "interval=1m")).at(-1)?.openTime ?? 0;
        await settle();
        const [before, newest] = await look(app, `${base}USDT`, "interval=1m");
        if (newest === undefined) throw new Error("Nothing shows");
        deepEqual(before, { openTime: newest.openTime - MINUTE, volume: 1 });
        ok(first >= last && newest.openTime >= first, "goes back");
        ok(first >= slotStart("1m", venueTime()) - MINUTE, "lacks what has closed");
        last = newest.openTime;
        for (const interval of LARGER) {
          const found = await look(app, `${base}USDT`, `interval=${interval}`);
          deepEqual(found, larger(interval, 0, newest), interval);
        }
        const { interval, timeZone, offsetMs } = ELSEWHERE;
        const found = await look(app, `${base}USDT`, `interval=${interval}${timeZone}`);
        deepEqual(found, larger(interval, offsetMs, newest), timeZone);
      }
    }),
    { numRuns: 3, endOnFailure: true },
  );
});
