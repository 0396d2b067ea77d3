import { Refusal } from "@/domain/decider.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { parseSeries, seriesId, type SeriesRef, seriesRef } from "@/domain/klines/series_ref.ts";
import { sameSymbol } from "@/domain/klines/symbol.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { Projections } from "@/projections/define.ts";
import type { SeriesQueries, SeriesView } from "@/projections/series_queries.ts";
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

/** Characters that are compared. */
const LONGEST = 60;

/** Characters that may differ between near texts: `ETC` for `ETH` is one, another pair is more. */
const MOST_SLIPS = 2;

/** Characters of a text that says enough when it is found within another: `BTC`. */
const LEAST_PART = 3;

/** Near matches named in a refusal. */
const MOST_NEAR = 5;

export function createSeriesDirectory({ series, projections, store }: Deps): SeriesDirectory {
  let known: { position: number; views: Promise<readonly SeriesView[]> } | undefined;

  function list(): Promise<readonly SeriesView[]> {
    const position = projections.revision();
    if (known?.position === position) return known.views;
    const views = series.list();
    const mine = { position, views };
    known = mine;
    views.catch(() => {
      if (known === mine) known = undefined;
    });
    return views;
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
  const holders = views.filter((view) => sameSymbol(view.symbol, symbol));
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

/** Those whose text is like the wanted one: by a slip of the pen, or because one holds the other. */
function nearest<T>(
  all: readonly T[],
  wanted: string,
  textOf: (one: T) => string,
  most = MOST_NEAR,
): readonly T[] {
  const scored = all.map((one) => ({ one, distance: unlikeness(textOf(one), wanted) }))
    .filter(({ distance }) => distance <= MOST_SLIPS);
  return scored.toSorted((a, b) => a.distance - b.distance).slice(0, most).map(({ one }) => one);
}

/** Single characters that differ; as few as may be where one text holds the other. */
function unlikeness(held: string, wanted: string): number {
  const [a, b] = [letters(held), letters(wanted)];
  const holds = Math.min(a.length, b.length) >= LEAST_PART && (a.includes(b) || b.includes(a));
  return Math.min(distance(held, wanted), holds ? MOST_SLIPS : Infinity);
}

function letters(text: string): string {
  return text.slice(0, LONGEST).toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
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
