import { trusted } from "@/events/trust.ts";
import type { KlineRow } from "@/events/catalog/klines.ts";
import { joinCandles } from "@/domain/klines/aggregate.ts";
import { type Candle, fromRow, toRow } from "@/domain/klines/candle.ts";
import { type Interval, previousSlot, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import type { KlineQuery } from "@/domain/ports/kline_reader.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { AppDeps } from "./app_deps.ts";

type Deps = Pick<AppDeps, "reader" | "openCandles" | "clock" | "settings" | "signal">;

/** A page of bars as values, for protocols that write them in their own way. */
export interface BarsQuery {
  readonly series: SeriesView;
  /** The stored one or a multiple of it. */
  readonly interval: Interval;
  /** How far the clocks that bars open by are ahead of UTC. */
  readonly offsetMs?: number | undefined;
  /** Inclusive. */
  readonly start: number | undefined;
  /** Exclusive. */
  readonly end: number | undefined;
  readonly limit: number;
  /** Which are kept where the range holds more than `limit`. */
  readonly keep: "oldest" | "latest";
  /** How long the running bar may be waited for, epoch ms; a second where none is given. */
  readonly until?: number | undefined;
}

/** `KlineRow` with its close time always given. */
export type Bar = KlineRow;

export interface Bars {
  /** Ascending; the last one is still running where `open` says so. */
  readonly rows: readonly Bar[];
  readonly open: boolean;
}

export interface BarReader {
  /** Only what is held; `partial` also gives a last bar that is not complete yet. */
  held(query: BarsQuery & { readonly partial?: boolean }): Promise<readonly Bar[]>;
  /** Closed bars, and the running one after them where the setting wants it and the range reaches it. */
  read(query: BarsQuery): Promise<Bars>;
  /** The bar that is running now; undefined where none is known or wanted. */
  running(
    series: SeriesView,
    interval: Interval,
    how?: Pick<BarsQuery, "offsetMs" | "until">,
  ): Promise<Bar | undefined>;
}

/** The candle before the running one may take so long to be stored. */
const STORING_MS = 15_000;

export function createBarReader(
  { reader, openCandles, clock, settings, signal }: Deps,
): BarReader {
  async function rowsOf(query: KlineQuery) {
    const page = await reader.read(query, signal);
    const rows = trusted<Bar[]>(JSON.parse(new TextDecoder().decode(page.bytes)));
    return { rows, more: page.more };
  }

  async function running(
    series: SeriesView,
    interval: Interval,
    { offsetMs = 0, until }: Pick<BarsQuery, "offsetMs" | "until"> = {},
  ): Promise<Bar | undefined> {
    if (!settings.openCandle || !series.watched) return undefined;
    const candle = await openCandles.find(series, until);
    if (candle === undefined || !follows(candle, series)) return undefined;
    const openTime = slotStart(interval, candle.openTime, offsetMs);
    if (interval === series.interval) return withClose(candle, interval);
    const { rows } = await rowsOf({
      ...asked({ series, interval, offsetMs, start: openTime, end: candle.openTime, limit: 1 }),
      partial: true,
    });
    return withClose(joinCandles(openTime, [...rows.map(fromRow), candle]), interval, offsetMs);
  }

  /** Whether nothing lacks between what is held and the running candle that may still come. */
  function follows({ openTime }: Candle, { interval, lastOpenTime }: SeriesView): boolean {
    if (lastOpenTime === null || lastOpenTime >= openTime) return false;
    return lastOpenTime >= previousSlot(interval, openTime) ||
      clock.now() - openTime > STORING_MS;
  }

  async function pageOf({ keep, partial = false, ...query }: BarsQuery & { partial?: boolean }) {
    const backwards = keep === "latest" && query.start !== undefined;
    const order = backwards ? "desc" : "asc";
    const { rows, more } = await rowsOf({ ...asked(query), partial, order });
    return { rows: backwards ? rows.toReversed() : rows, more };
  }

  return {
    running,
    held: async (query) => (await pageOf(query)).rows,
    async read(query) {
      const { start, end = Infinity, limit, series, interval, keep } = query;
      const { rows, more } = await pageOf(query);
      const full = keep === "oldest" && start !== undefined && (more || rows.length >= limit);
      if (full || end <= (series.lastOpenTime ?? 0)) return { rows, open: false };
      const bar = await running(series, interval, query);
      const fits = bar !== undefined && bar[0] < end && bar[0] >= (start ?? 0) &&
        bar[0] > (rows.at(-1)?.[0] ?? -1);
      return fits ? { rows: [...rows, bar].slice(-limit), open: true } : { rows, open: false };
    },
  };
}

function asked(
  { series, interval, offsetMs, start, end, limit }: Omit<BarsQuery, "keep" | "until">,
): KlineQuery {
  return {
    ...{ seriesId: series.id, stored: series.interval, interval, offsetMs, start, end, limit },
    ...{ order: "asc", fill: "none", partial: false, format: "arrays", numbers: "string" },
  };
}

function withClose(candle: Candle, interval: Interval, offsetMs = 0): Bar {
  const closeTime = candle.closeTime ?? slotEnd(interval, candle.openTime, offsetMs) - 1;
  return toRow({ ...candle, closeTime });
}
