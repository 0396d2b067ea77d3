import type { SeriesEvent } from "@/events/catalog/series.ts";
import { type Decider, Refusal } from "./decider.ts";
import { unifySymbol } from "./klines/symbol.ts";

type Data<T extends SeriesEvent["type"]> = Extract<SeriesEvent, { type: T }>["data"];

export type SeriesCommand =
  | { readonly type: "AddSeries"; readonly data: Data<"SeriesAdded"> }
  | { readonly type: "WatchSeries"; readonly data: Data<"SeriesWatched"> }
  | { readonly type: "UnwatchSeries"; readonly data: Data<"SeriesUnwatched"> }
  | { readonly type: "SetHistoryStart"; readonly data: Data<"SeriesHistoryStartSet"> }
  | { readonly type: "WidenScale"; readonly data: Data<"SeriesScaleWidened"> }
  | { readonly type: "RecordCrawlFailure"; readonly data: Data<"SeriesCrawlFailed"> }
  | { readonly type: "RecordCrawlRecovery"; readonly data: Data<"SeriesCrawlRecovered"> };

export type Series =
  | { readonly status: "absent" }
  | {
    readonly status: "added";
    readonly identity: Data<"SeriesAdded">;
    readonly watched: boolean;
    readonly historyStart: number | null;
    readonly scale: Pick<Data<"SeriesScaleWidened">, "price" | "volume" | "quote">;
    /** Why its crawl fails; null while it works. */
    readonly error: string | null;
  };

/** A candle series as a whole. Stream `series-<seriesId>`. */
export const series: Decider<SeriesCommand, SeriesEvent, Series> = {
  initial: { status: "absent" },

  decide({ type, data }, state) {
    if (type === "AddSeries") return add(data, state);
    if (state.status === "absent") {
      throw new Refusal("not_found", `Cannot find series ${data.seriesId}: add it first`);
    }
    switch (type) {
      case "WatchSeries":
        if (state.watched && state.historyStart === data.historyStart) return [];
        return [{ type: "SeriesWatched", data }];
      case "UnwatchSeries":
        return state.watched ? [{ type: "SeriesUnwatched", data }] : [];
      case "SetHistoryStart":
        return state.historyStart === data.historyStart
          ? []
          : [{ type: "SeriesHistoryStartSet", data }];
      case "WidenScale": {
        const { price, volume, quote } = widest(state.scale, data);
        const { scale } = state;
        const same = price === scale.price && volume === scale.volume && quote === scale.quote;
        if (same) return [];
        const { seriesId } = data;
        return [{ type: "SeriesScaleWidened", data: { seriesId, price, volume, quote } }];
      }
      case "RecordCrawlFailure":
        return state.error === data.error ? [] : [{ type: "SeriesCrawlFailed", data }];
      case "RecordCrawlRecovery":
        return state.error === null ? [] : [{ type: "SeriesCrawlRecovered", data }];
    }
  },

  evolve(state, { type, data }) {
    if (type === "SeriesAdded") {
      const scale = { price: 0, volume: 0, quote: 0 };
      const idle = { watched: false, historyStart: null, error: null };
      return { status: "added", identity: data, scale, ...idle };
    }
    if (state.status === "absent") return state;
    switch (type) {
      case "SeriesWatched":
        return { ...state, watched: true, historyStart: data.historyStart };
      case "SeriesUnwatched":
        return { ...state, watched: false };
      case "SeriesHistoryStartSet":
        return { ...state, historyStart: data.historyStart };
      case "SeriesScaleWidened":
        return { ...state, scale: widest(state.scale, data) };
      case "SeriesCrawlFailed":
        return { ...state, error: data.error };
      case "SeriesCrawlRecovered":
        return { ...state, error: null };
    }
  },
};

function add(data: Data<"SeriesAdded">, state: Series): SeriesEvent[] {
  if (state.status === "absent") return [{ type: "SeriesAdded", data }];
  const { exchange, symbol, interval, simulated } = state.identity;
  // Before folders' names were read back, a series could be added under one.
  const sameSymbol = symbol === data.symbol || unifySymbol(symbol, exchange) === data.symbol;
  const same = exchange === data.exchange && sameSymbol && interval === data.interval;
  if (!same) {
    throw new Refusal(
      "conflict",
      `Cannot add ${data.exchange}:${data.symbol}:${data.interval}: ` +
        `${data.seriesId} is ${exchange}:${symbol}:${interval}`,
    );
  }
  if (simulated !== data.simulated) {
    const [is, would] = simulated ? ["simulated", "real"] : ["real", "simulated"];
    throw new Refusal("conflict", `Cannot mix ${would} candles into ${data.seriesId}: it is ${is}`);
  }
  return [];
}

type Scale = Pick<Data<"SeriesScaleWidened">, "price" | "volume" | "quote">;

function widest(a: Scale, b: Scale): Scale {
  return {
    price: Math.max(a.price, b.price),
    volume: Math.max(a.volume, b.volume),
    quote: Math.max(a.quote, b.quote),
  };
}
