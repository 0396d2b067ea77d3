import assert from "node:assert/strict";
import { Refusal } from "@/domain/decider.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { canonicalDecimal } from "@/domain/klines/decimal.ts";
import { type Interval, nextSlot } from "@/domain/klines/interval.ts";
import type { Exchange } from "@/domain/ports/exchange.ts";

/** An opened venue and what it is known to hold. */
export interface ExchangeSubject {
  readonly exchange: Exchange;
  readonly symbol: string;
  /** The same symbol as the venue itself writes it. */
  readonly ownSymbol: string;
  /** A symbol it does not have. */
  readonly unknown: string;
  /** What it should propose instead; undefined where it has no list. */
  readonly near: string | undefined;
  readonly interval: Interval;
  /** All candles in ascending order, the last one still open. */
  readonly candles: readonly Candle[];
  readonly now: number;
  /** An interval that it does not have; undefined where it has all. */
  readonly missingInterval: Interval | undefined;
  readonly close: () => Promise<void>;
}

/** What every implementation of the Exchange port does. */
export function exchangeContract(name: string, open: () => Promise<ExchangeSubject>): void {
  const test = (title: string, body: (subject: ExchangeSubject) => Promise<void>) =>
    Deno.test(`exchange ${name} ${title}`, async () => {
      const subject = await open();
      try {
        await body(subject);
      } finally {
        await subject.close();
      }
    });

  test("tells the venue's time, not ours", async ({ exchange, now }) => {
    const time = await exchange.time();
    assert.ok(Math.abs(time - now) <= 1_000, `${time} is not ${now}`);
  });

  test("resolves its own and the unified symbol alike", async (subject) => {
    const { exchange, symbol, ownSymbol } = subject;
    assert.equal(await exchange.resolveSymbol(symbol), symbol);
    assert.equal(await exchange.resolveSymbol(ownSymbol), symbol);
  });

  test("refuses an unknown symbol and names near ones", async ({ exchange, unknown, near }) => {
    await assert.rejects(exchange.resolveSymbol(unknown), (error: unknown) => {
      assert.ok(error instanceof Refusal);
      assert.equal(error.code, "not_found");
      if (near !== undefined) {
        assert.ok(error.details.some(({ message }) => message.includes(near)), error.message);
      }
      return true;
    });
  });

  test("gives from inclusive to exclusive, oldest first, in exact canonical decimals", async (s) => {
    const [from, to] = [s.candles[3]?.openTime ?? 0, s.candles[9]?.openTime ?? 0];
    const page = await fetch(s, { from, to, limit: 50 });
    assert.deepEqual(page, s.candles.slice(3, 9));
    for (const { open, high, low, close, volume } of page) {
      for (const value of [open, high, low, close, volume]) {
        assert.equal(canonicalDecimal(value), value);
      }
    }
  });

  test("gives the oldest candles of a range when it is longer than the limit", async (s) => {
    const [from, to] = [s.candles[2]?.openTime ?? 0, s.candles.at(-1)?.openTime ?? 0];
    assert.deepEqual(await fetch(s, { from, to, limit: 4 }), s.candles.slice(2, 6));
  });

  test("gives everything page by page when the next starts after the last candle", async (s) => {
    const [first, last] = [s.candles[0], s.candles.at(-1)];
    const found: Candle[] = [];
    let from = first?.openTime ?? 0;
    const to = last?.openTime ?? 0;
    const step = 7;
    while (from < to) {
      const page = await fetch(s, { from, to, limit: step });
      found.push(...page);
      const end = page.at(-1)?.openTime;
      from = end === undefined ? skip(s, from, step) : end + 1;
    }
    assert.deepEqual(found, s.candles.slice(0, -1));
  });

  test("has an empty page where the venue holds nothing", async (s) => {
    const before = (s.candles[0]?.openTime ?? 0) - 10 * step(s);
    assert.deepEqual(await fetch(s, { from: before, to: before + 5 * step(s), limit: 5 }), []);
  });

  test("shows no candle that has not opened yet", async (s) => {
    const from = s.candles.at(-3)?.openTime ?? 0;
    const page = await fetch(s, { from, to: s.now + 100 * step(s), limit: 50 });
    assert.deepEqual(page.map((c) => c.openTime), s.candles.slice(-3).map((c) => c.openTime));
  });

  test("jumps to the first candle at or after the start when it says so", async (s) => {
    if (!s.exchange.seeksForward) return;
    const [first] = s.candles;
    const page = await fetch(s, { from: 0, to: s.now, limit: 1 });
    assert.deepEqual(page, [first]);
  });

  test("refuses an interval that the venue does not have", async (s) => {
    if (s.missingInterval === undefined) return;
    const request = { symbol: s.symbol, interval: s.missingInterval, from: 0, to: s.now, limit: 1 };
    await assert.rejects(s.exchange.fetchCandles(request), { code: "validation_error" });
  });

  test("stops with the signal's reason when it is aborted", async (s) => {
    const reason = new Error("enough");
    await assert.rejects(
      fetch(
        s,
        { from: s.candles[0]?.openTime ?? 0, to: s.now, limit: 5 },
        AbortSignal.abort(reason),
      ),
      reason,
    );
  });
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly limit: number;
}

function fetch(
  { exchange, symbol, interval }: ExchangeSubject,
  range: Range,
  signal?: AbortSignal,
): Promise<Candle[]> {
  return exchange.fetchCandles({ symbol, interval, ...range }, signal);
}

function step({ interval }: ExchangeSubject): number {
  return nextSlot(interval, 0);
}

function skip(subject: ExchangeSubject, from: number, slots: number): number {
  return from + slots * step(subject);
}
