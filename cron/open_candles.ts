import type { Candle } from "@/domain/klines/candle.ts";
import {
  type Interval,
  nextSlot,
  previousSlot,
  slotEnd,
  slotIndex,
  slotStart,
} from "@/domain/klines/interval.ts";
import { isCrawled } from "@/domain/klines/market_calendar.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { validateRow } from "@/domain/klines/validate.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { CandleRequest, Exchanges } from "@/domain/ports/exchange.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { NewestCandles, OpenCandles } from "@/domain/ports/open_candles.ts";
import { messageOf } from "./error_message.ts";
import { createReaderAsks, type ReaderAsk } from "./reader_asks.ts";

export interface OpenCandlesOptions {
  readonly exchanges: Pick<Exchanges, "get">;
  readonly clock: Clock;
  readonly log: Log;
}

/** An answer this old is given while the next one is asked for. */
const FRESH_MS = 2_000;
/** One this old is given only where no other comes in time. */
const STALE_MS = 10_000;
/** A reader waits so long for an answer. */
const PATIENCE_MS = 1_000;
/** A venue that failed is left alone for so long. */
const QUIET_MS = 30_000;
/** What closed so long ago, and the last one that closed, may not be stored yet. */
const STORING_MS = 15_000;

/** What a venue said. */
interface Answer extends NewestCandles {
  /** When it was asked. */
  readonly at: number;
  /** When a candle closes that it cannot know of, by our clock. */
  readonly holdsTo: number;
}

/** What is known of one series. */
interface Seen extends ReaderAsk {
  answer: Answer | undefined;
  askedAt: number;
  askAgainAt: number;
  /** Being asked, or waiting for its turn. */
  asking: Promise<void> | undefined;
}

/**
 * Asks venues only for what is being read, one question a series at a time and few a venue: whoever
 * reads must not stand in the way of crawling.
 */
export function createOpenCandles({ exchanges, clock, log }: OpenCandlesOptions): OpenCandles {
  const seen = new Map<string, Seen>();
  const inTurn = createReaderAsks(clock);

  async function ask(series: SeriesRef, state: Seen): Promise<void> {
    const { exchange, symbol, interval } = series;
    state.askedAt = clock.now();
    try {
      const venue = await exchanges.get(exchange);
      const now = await venue.time();
      const at = clock.now();
      const candles = await venue.fetchCandles({ symbol, ...newestOf(interval, now) });
      const readable = candles.map((candle) => readableOf(candle, series))
        .filter((candle) => candle !== undefined);
      const isOver = ({ openTime }: Candle) => slotEnd(interval, openTime) <= now;
      state.answer = {
        closed: readable.filter(isOver),
        running: readable.findLast((candle) => !isOver(candle)),
        ...{ at, holdsTo: at + nextSlot(interval, now) - now },
      };
      // The candle that ran then is known as closed only to a venue that is asked again.
      state.askAgainAt = Math.min(clock.now() + FRESH_MS, state.answer.holdsTo);
    } catch (error) {
      state.askAgainAt = clock.now() + QUIET_MS;
      log.debug("no running candle", { exchange, symbol, interval, error: messageOf(error) });
    }
  }

  function unseen(series: SeriesRef): Seen {
    const state: Seen = {
      ...{ answer: undefined, askedAt: 0, askAgainAt: 0, wantedUntil: 0, asking: undefined },
      ask: () => ask(series, state),
    };
    seen.set(seriesId(series), state);
    return state;
  }

  function isFresh({ answer }: Seen): boolean {
    const now = clock.now();
    return answer !== undefined && now < answer.holdsTo && now - answer.at < STALE_MS;
  }

  return {
    async find(series, until = clock.now() + PATIENCE_MS) {
      if (!isCrawled(series)) return undefined;
      const state = seen.get(seriesId(series)) ?? unseen(series);
      do {
        if (clock.now() >= state.askAgainAt) {
          state.wantedUntil = Math.max(state.wantedUntil, until);
          state.asking ??= inTurn(series.exchange, state).finally(() => state.asking = undefined);
        }
        if (state.asking === undefined || isFresh(state)) break;
        await patiently(state.asking, until - clock.now(), clock);
        // A candle may have closed while the venue was being asked.
      } while (clock.now() < until);
      return known(state, clock);
    },
  };
}

/** From the last one that has closed on. */
function newestOf(interval: Interval, now: number): Omit<CandleRequest, "symbol"> {
  const from = Math.min(previousSlot(interval, now), slotStart(interval, now - STORING_MS));
  const limit = slotIndex(interval, now) - slotIndex(interval, from) + 1;
  return { interval, from, to: nextSlot(interval, now), limit, priority: "reader" };
}

/** A candle that has ended since is not final, and no running one either. */
function known({ answer }: Seen, clock: Pick<Clock, "now">): NewestCandles | undefined {
  if (answer === undefined) return undefined;
  const { closed, running, holdsTo } = answer;
  return { closed, running: clock.now() < holdsTo ? running : undefined };
}

async function patiently(work: Promise<void>, ms: number, clock: Clock): Promise<void> {
  if (ms <= 0) return;
  const enough = new AbortController();
  const pause = clock.sleep(ms, enough.signal).catch(() => {});
  await Promise.race([work, pause]);
  enough.abort();
}

/** As it will be read once it has closed; undefined for what would be rejected then. */
function readableOf(candle: Candle, { interval }: SeriesRef): Candle | undefined {
  const row = validateRow(candle, { interval, now: slotEnd(interval, candle.openTime) });
  return typeof row === "string" ? undefined : row;
}
