import { Refusal } from "@/domain/decider.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { parseSeries, seriesId, type SeriesRef, seriesRef } from "@/domain/klines/series_ref.ts";
import { sameSymbol } from "@/domain/klines/symbol.ts";
import type { Projections } from "@/projections/define.ts";
import type { SeriesQueries, SeriesView } from "@/projections/series_queries.ts";

/** The series of the installation, kept in memory until the read models move. */
export interface SeriesDirectory {
  /** The same object as long as nothing has changed. */
  list(): Promise<readonly SeriesView[]>;
}

/** What a reader of candles says; the exchange may be left out. */
export interface WantedSeries {
  readonly exchange: string | undefined;
  readonly symbol: string;
  readonly interval: SeriesRef["interval"];
}

/** Characters that are compared. */
const LONGEST = 60;

/** Near matches named in a refusal. */
const MOST_NEAR = 5;

export function createSeriesDirectory(
  { series, projections }: { readonly series: SeriesQueries; readonly projections: Projections },
): SeriesDirectory {
  let known: { position: number; views: Promise<readonly SeriesView[]> } | undefined;
  return {
    list() {
      const position = projections.revision();
      if (known?.position === position) return known.views;
      const views = series.list();
      const mine = { position, views };
      known = mine;
      views.catch(() => {
        if (known === mine) known = undefined;
      });
      return views;
    },
  };
}

/** Finds a series by its id or as `exchange:SYMBOL:interval`. Refusal `not_found` with near matches. */
export function findSeries(views: readonly SeriesView[], idOrText: string): SeriesView {
  const id = idOrText.includes(":") ? seriesId(parseSeries(idOrText)) : idOrText;
  const found = views.find((view) => view.id === id);
  if (found !== undefined) return found;
  const near = nearest(views, id, (view) => view.id).map((view) => ({
    message: `${view.id} is held`,
  }));
  throw new Refusal("not_found", `Cannot find series ${idOrText}`, { details: near });
}

/**
 * The stored series that answers for the wanted one. Refusals: `not_found` with near matches;
 * `validation_error` when several venues hold the symbol and none was named.
 */
export function chooseSeries(views: readonly SeriesView[], wanted: WantedSeries): SeriesView {
  const { symbol, interval } = wanted;
  const exchange = wanted.exchange ?? onlyVenue(views, symbol);
  const ref = seriesRef(exchange, symbol, interval);
  const unified = views.some((one) =>
    one.exchange === exchange && sameSymbol(one.symbol, ref.symbol)
  );
  // As the exchange writes it, a symbol may also mean the only contract that the venue lists.
  const asked = unified ? ref : { ...ref, symbol };
  try {
    return selectSeries(views, asked);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return selectSeries(nearest(views, ref.symbol, (view) => view.symbol, views.length), asked);
  }
}

function onlyVenue(views: readonly SeriesView[], symbol: string): string {
  const holders = views.filter((view) => sameSymbol(view.symbol, symbol));
  const [venue, ...others] = new Set(holders.map((view) => view.exchange));
  if (venue === undefined) {
    const near = nearest(views, symbol, (view) => view.symbol);
    throw new Refusal("not_found", `Cannot find candles of ${symbol} at any venue`, {
      field: "symbol",
      details: near.map((view) => ({ message: `${view.symbol} of ${view.exchange} is held` })),
    });
  }
  if (others.length === 0) return venue;
  const venues = [venue, ...others].toSorted();
  throw new Refusal(
    "validation_error",
    `Cannot choose between venues: ${venues.join(", ")} hold ${symbol}; name one as exchange`,
    { field: "exchange", details: venues.map((one) => ({ field: "exchange", message: one })) },
  );
}

/** Those whose text is most like the wanted one first. */
function nearest<T>(
  all: readonly T[],
  wanted: string,
  textOf: (one: T) => string,
  most = MOST_NEAR,
): readonly T[] {
  const scored = all.map((one) => ({ one, distance: distance(textOf(one), wanted) }));
  return scored.toSorted((a, b) => a.distance - b.distance).slice(0, most).map(({ one }) => one);
}

/** Levenshtein's: single characters to change, add or take away. */
function distance(a: string, b: string): number {
  const [left = "", right = ""] = [a, b].map((text) => text.slice(0, LONGEST).toUpperCase());
  let row = Array.from({ length: right.length + 1 }, (_, j) => j);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const change = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
