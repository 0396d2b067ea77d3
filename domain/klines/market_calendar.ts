import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { slotEnd } from "./interval.ts";
import type { SeriesRef } from "./series_ref.ts";
import { closedDays, dayClosesAt } from "./trading_calendar.ts";

/** The parts of a range of open times in which a market is closed: nothing is missing there. Ascending. */
export type MarketCalendar = (range: OpenTimeRange) => OpenTimeRange[];

/** Where the dailies of China's futures lie. No venue: its source brings them. */
export const SINA = "sina";

/** Most markets of crypto never close. */
export const ALWAYS_OPEN: MarketCalendar = (): OpenTimeRange[] => [];

/** The calendar that a series goes by. */
export function marketCalendar(
  { exchange, interval }: Pick<SeriesRef, "exchange" | "interval">,
): MarketCalendar {
  return exchange === SINA && interval === "1d" ? closedDays : ALWAYS_OPEN;
}

/**
 * When the candle that opened at `openTime` is final, epoch ms. A daily of China's futures is over with
 * its day session, hours before the midnight that its slot ends at; a night belongs to the next one.
 */
export function finalAt(
  { exchange, interval }: Pick<SeriesRef, "exchange" | "interval">,
  openTime: number,
): number {
  const end = slotEnd(interval, openTime);
  if (exchange !== SINA || interval !== "1d") return end;
  return dayClosesAt(new Date(openTime).toISOString().slice(0, 10)) ?? end;
}

/** Whether candles of the exchange come from a venue that can be asked, not from a source of its own. */
export function isCrawled({ exchange }: Pick<SeriesRef, "exchange">): boolean {
  return exchange !== SINA;
}
