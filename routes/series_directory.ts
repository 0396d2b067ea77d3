import { Refusal } from "@/domain/decider.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { parseSeries, seriesId, type SeriesRef, seriesRef } from "@/domain/klines/series_ref.ts";
import { sameSymbol } from "@/domain/klines/symbol.ts";
import type { EventStore } from "@/events/store/store.ts";
import { trusted } from "@/events/trust.ts";
import type { Projections } from "@/projections/define.ts";
import { byId, type SeriesQueries, type SeriesView } from "@/projections/series_queries.ts";
import { MOST_NEAR, nearest } from "./nearest.ts";
import { findRecorded } from "./recorded_series.ts";

/** The series of the installation, kept in memory until the read models move. */
export interface SeriesDirectory {
  /** The same object as long as nothing has changed. */
  list(): Promise<readonly SeriesView[]>;
  /** As {@linkcode findSeries}, and one that was added before the read models have heard of it. */
  find(idOrText: string): Promise<SeriesView>;
  /** As {@linkcode chooseSeries}, and one that was added before the read models have heard of it. */
  choose(wanted: WantedSeries): Promise<SeriesView>;
}

interface Deps {
  readonly series: SeriesQueries;
  readonly projections: Projections;
  readonly store: Pick<EventStore, "readStream">;
}

/** What a reader of candles says; the exchange may be left out. */
export interface WantedSeries {
  readonly exchange: string | undefined;
  readonly symbol: string;
  readonly interval: SeriesRef["interval"];
}

export function createSeriesDirectory({ series, projections, store }: Deps): SeriesDirectory {
  let known: Promise<readonly SeriesView[]> | undefined;
  /** Series whose views may have changed since; undefined: any may. */
  let outdated: Set<string> | undefined;

  projections.onApplied((events) => {
    if (events === undefined) outdated = undefined;
    for (const { data } of events ?? []) {
      const { seriesId: id } = trusted<{ readonly seriesId?: unknown }>(data);
      if (typeof id === "string") outdated?.add(id);
    }
  });

  function list(): Promise<readonly SeriesView[]> {
    if (known !== undefined && outdated?.size === 0) return known;
    const views = known === undefined || outdated === undefined
      ? series.list()
      : renewed(known, [...outdated]);
    known = views;
    outdated = new Set();
    views.catch(() => {
      if (known === views) known = undefined;
    });
    return views;
  }

  /** What was known, with these series as they are now. */
  async function renewed(
    before: Promise<readonly SeriesView[]>,
    ids: readonly string[],
  ): Promise<readonly SeriesView[]> {
    const old = new Set(ids);
    const [kept, read] = await Promise.all([before, series.list(ids)]);
    return [...kept.filter(({ id }) => !old.has(id)), ...read].toSorted(byId);
  }

  /** What is listed, else what the log has under this id. */
  async function listedOr(
    id: string | undefined,
    look: (views: readonly SeriesView[]) => SeriesView,
  ): Promise<SeriesView> {
    try {
      return look(await list());
    } catch (error) {
      if (id === undefined || !(error instanceof Refusal) || error.code !== "not_found") {
        throw error;
      }
      const recorded = await findRecorded(store, id);
      if (recorded === undefined) throw error;
      return recorded;
    }
  }

  return {
    list,
    async find(idOrText) {
      return await listedOr(idOf(idOrText), (views) => findSeries(views, idOrText));
    },
    async choose(wanted) {
      const { exchange, symbol, interval } = wanted;
      const id = exchange === undefined
        ? undefined
        : seriesId(seriesRef(exchange, symbol, interval));
      return await listedOr(id, (views) => chooseSeries(views, wanted));
    },
  };
}

function idOf(idOrText: string): string {
  return idOrText.includes(":") ? seriesId(parseSeries(idOrText)) : idOrText;
}

/** Finds a series by its id or as `exchange:SYMBOL:interval`. Refusal `not_found` with near matches. */
export function findSeries(views: readonly SeriesView[], idOrText: string): SeriesView {
  const id = idOf(idOrText);
  const found = views.find((view) => view.id === id);
  if (found !== undefined) return found;
  const near = nearest(views, id, (view) => view.id).map((view) => ({
    field: "id",
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
  const named = views.filter((view) => sameSymbol(view.symbol, symbol));
  const full = named.filter(({ candles }) => candles > 0);
  // Who holds nothing can answer nothing.
  const holders = full.length > 0 ? full : named;
  const [venue, ...others] = new Set(holders.map((view) => view.exchange));
  if (venue === undefined) {
    const near = nearest(views, symbol, (view) => view.symbol, views.length);
    const names = new Set(near.map((view) => `${view.symbol} of ${view.exchange} is held`));
    throw new Refusal("not_found", `Cannot find candles of ${symbol} at any venue`, {
      field: "symbol",
      details: [...names].slice(0, MOST_NEAR).map((message) => ({ field: "symbol", message })),
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
