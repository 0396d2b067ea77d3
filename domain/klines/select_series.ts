import { Refusal } from "../decider.ts";
import { aggregationSource, type Interval } from "./interval.ts";
import { formatSeries, type SeriesRef } from "./series_ref.ts";
import { sameSymbol, unifySymbol } from "./symbol.ts";

/**
 * The held series that answers for the wanted one: the same, or the largest one of its symbol that
 * its interval can be made of; one without candles only where no other can answer. Refusal `not_found`
 * names what is held of the symbol, else of the venue.
 */
export function selectSeries<Held extends SeriesRef & { readonly candles: number }>(
  held: readonly Held[],
  wanted: SeriesRef,
): Held {
  const ofVenue = held.filter(({ exchange }) => exchange === wanted.exchange);
  const alike = ofVenue.filter(({ symbol }) => sameSymbol(symbol, wanted.symbol));
  const exact = alike.filter(({ symbol }) => symbol === unifySymbol(wanted.symbol));
  const ofSymbol = exact.length > 0 ? exact : alike;
  const filled = ofSymbol.filter(({ candles }) => candles > 0);
  const stored = sourceAmong(filled, wanted.interval) ?? sourceAmong(ofSymbol, wanted.interval);
  const found = ofSymbol.find(({ interval }) => interval === stored);
  if (found !== undefined) return found;
  const [near, field] = ofSymbol.length > 0
    ? [ofSymbol, "interval"]
    : ofVenue.length > 0
    ? [ofVenue, "symbol"]
    : [held, "exchange"];
  throw new Refusal("not_found", `Cannot find series ${formatSeries(wanted)}`, {
    details: near.slice(0, 5).map((one) => ({ field, message: `${formatSeries(one)} is held` })),
  });
}

function sourceAmong(series: readonly SeriesRef[], wanted: Interval): Interval | undefined {
  const intervals = series.map(({ interval }) => interval);
  return intervals.includes(wanted) ? wanted : aggregationSource(intervals, wanted);
}
