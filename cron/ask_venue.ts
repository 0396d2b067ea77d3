import type { Candle } from "@/domain/klines/candle.ts";
import { type Interval, slotAt, slotIndex } from "@/domain/klines/interval.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { CandleRequest, Exchange } from "@/domain/ports/exchange.ts";
import type { Log } from "@/domain/ports/log.ts";
import { retry } from "@/domain/retry.ts";
import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { messageOf } from "./error_message.ts";

export interface AskOptions {
  readonly venue: Exchange;
  readonly symbol: string;
  readonly interval: Interval;
  readonly priority: "live" | "history";
  /** The venue's time when the crawl began. */
  readonly now: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Questions to a venue about one series, asked again when the world fails. */
export interface VenueAsker extends Pick<AskOptions, "interval" | "now" | "signal"> {
  readonly pageLimit: number;
  /** Candles of the range, oldest first: all of them, or as many as a page holds. */
  page(range: OpenTimeRange): Promise<Candle[]>;
  /** Open time of the first candle at or after `from`; undefined when there is none up to now. */
  firstFrom(from: number): Promise<number | undefined>;
}

const RETRY = {
  live: { attempts: 3, baseMs: 500, maxMs: 5_000 },
  history: { attempts: 6, baseMs: 1_000, maxMs: 60_000 },
} as const;
/** Where a venue cannot jump to its first candle, this many pages over the range are looked at. */
const PROBES = 8;

export function askVenue(options: AskOptions): VenueAsker {
  const { venue, symbol, interval, priority, now, clock, random, log, signal } = options;
  const pageLimit = Math.max(1, venue.pageLimit);

  function fetch(range: Pick<CandleRequest, "from" | "to" | "limit">): Promise<Candle[]> {
    return retry(async (attempt) => {
      const request = { symbol, interval, priority, ...range };
      const page = await venue.fetchCandles(request, signal);
      // An empty page right after a failure may be the failure's other face.
      return page.length > 0 || attempt === 1 ? page : await venue.fetchCandles(request, signal);
    }, {
      ...RETRY[priority],
      ...{ clock, random, signal },
      onRetry: ({ error, attempt, delayMs }) =>
        log.warn("asking the exchange again", {
          ...{ exchange: venue.id, symbol, interval, attempt, delayMs },
          error: messageOf(error),
        }),
    });
  }

  async function opened(from: number, limit: number): Promise<number | undefined> {
    const to = slotAt(interval, slotIndex(interval, from) + limit);
    return (await fetch({ from, to, limit }))[0]?.openTime;
  }

  async function firstFrom(from: number): Promise<number | undefined> {
    if (venue.seeksForward) return (await fetch({ from, to: now, limit: 1 }))[0]?.openTime;
    return await search({
      first: slotIndex(interval, from),
      end: slotIndex(interval, now),
      pageLimit,
      look: (slot) => opened(Math.max(from, slotAt(interval, slot)), pageLimit),
    });
  }

  return {
    ...{ pageLimit, interval, now, signal },
    page: ([from, to]) => fetch({ from, to, limit: pageLimit }),
    // That nothing at all is left is so much to say that it must be said twice.
    firstFrom: async (from) => await firstFrom(from) ?? await firstFrom(from),
  };
}

interface Search {
  readonly first: number;
  readonly end: number;
  readonly pageLimit: number;
  /** First open time on the page that starts with this slot. */
  look(slot: number): Promise<number | undefined>;
}

/**
 * The first candle, found by looking at few pages: some spread over the range, then halving the
 * stretch before the first page that holds one. It assumes what is true of a listing date: before
 * it nothing, after it pages that are rarely empty.
 */
async function search(
  { first, end, pageLimit, look }: Search,
): Promise<number | undefined> {
  const stride = Math.max(pageLimit, Math.ceil((end - first) / PROBES));
  const spread = Array.from({ length: PROBES }, (_, i) => first + i * stride);
  // The newest page at last: where it is empty too, there is nothing.
  const newest = Math.max(first, end - pageLimit);
  let empty = first;
  for (const slot of [...spread.filter((slot) => slot < newest), newest]) {
    const found = await look(slot);
    if (found !== undefined) return await halve({ empty, holds: slot, found, pageLimit, look });
    empty = slot + pageLimit;
  }
  return undefined;
}

/** Nothing before slot `empty`; the page at slot `holds` starts with `found`. */
async function halve(
  { empty, holds, found, pageLimit, look }:
    & Pick<Search, "pageLimit" | "look">
    & { empty: number; holds: number; found: number },
): Promise<number> {
  while (empty < holds) {
    const pages = Math.ceil((holds - empty) / pageLimit / 2);
    const middle = Math.max(empty, holds - pageLimit * pages);
    const earlier = await look(middle);
    if (earlier === undefined) empty = middle + pageLimit;
    else [holds, found] = [middle, earlier];
  }
  return found;
}
