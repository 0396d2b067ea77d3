import type { Candle } from "@/domain/klines/candle.ts";
import { nextSlot, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import { isCrawled } from "@/domain/klines/market_calendar.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { validateRow } from "@/domain/klines/validate.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Exchanges } from "@/domain/ports/exchange.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { OpenCandles } from "@/domain/ports/open_candles.ts";
import { messageOf } from "./error_message.ts";
import { createReaderAsks, type ReaderAsk } from "./reader_asks.ts";

export interface OpenCandlesOptions {
  readonly exchanges: Pick<Exchanges, "get">;
  readonly clock: Clock;
  readonly log: Log;
}

/** An answer this old is given while the next one is asked for. */
const FRESH_MS = 2_000;
/** A reader waits so long for a first answer. */
const PATIENCE_MS = 1_000;
/** A venue that failed is left alone for so long. */
const QUIET_MS = 30_000;

/** What is known of one series. */
interface Seen extends ReaderAsk {
  candle: Candle | undefined;
  /** The venue's time less ours when it was asked. */
  aheadMs: number;
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
      const from = slotStart(interval, now);
      const range = { from, to: nextSlot(interval, now), limit: 1, priority: "reader" } as const;
      const [candle] = await venue.fetchCandles({ symbol, interval, ...range });
      state.candle = candle === undefined ? undefined : readable(candle, series);
      state.aheadMs = now - clock.now();
      state.askAgainAt = clock.now() + FRESH_MS;
    } catch (error) {
      state.askAgainAt = clock.now() + QUIET_MS;
      log.debug("no running candle", { exchange, symbol, interval, error: messageOf(error) });
    }
  }

  function unseen(series: SeriesRef): Seen {
    const state: Seen = {
      ...{ candle: undefined, aheadMs: 0, askedAt: 0, askAgainAt: 0, wantedUntil: 0 },
      asking: undefined,
      ask: () => ask(series, state),
    };
    seen.set(seriesId(series), state);
    return state;
  }

  return {
    async find(series, until = clock.now() + PATIENCE_MS) {
      if (!isCrawled(series)) return undefined;
      const state = seen.get(seriesId(series)) ?? unseen(series);
      if (clock.now() >= state.askAgainAt) {
        state.wantedUntil = Math.max(state.wantedUntil, until);
        state.asking ??= inTurn(series.exchange, state).finally(() => state.asking = undefined);
      }
      const known = running(state, series, clock);
      if (known !== undefined || state.asking === undefined) return known;
      await patiently(state.asking, until - clock.now(), clock);
      return running(state, series, clock);
    },
  };
}

function running(
  { candle, aheadMs }: Seen,
  { interval }: SeriesRef,
  clock: Pick<Clock, "now">,
): Candle | undefined {
  if (candle === undefined) return undefined;
  return slotEnd(interval, candle.openTime) > clock.now() + aheadMs ? candle : undefined;
}

async function patiently(work: Promise<void>, ms: number, clock: Clock): Promise<void> {
  if (ms <= 0) return;
  const enough = new AbortController();
  const pause = clock.sleep(ms, enough.signal).catch(() => {});
  await Promise.race([work, pause]);
  enough.abort();
}

/** As it will be read once it has closed; undefined for what would be rejected then. */
function readable(candle: Candle, { interval }: SeriesRef): Candle | undefined {
  const row = validateRow(candle, { interval, now: slotEnd(interval, candle.openTime) });
  return typeof row === "string" ? undefined : row;
}
