import { decideSeries, ensureSeries } from "@/cron/series_commands.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { House } from "./house.ts";

/** Adds a series of minutes and watches it, and waits until both can be read. */
export async function watch(
  { store, follower }: House,
  { exchange, symbol, historyStart = null }: {
    exchange: string;
    symbol: string;
    historyStart?: number | null;
  },
): Promise<SeriesRef> {
  const series = { exchange, symbol, interval: "1m" } as const;
  const doer = { actor: "test", commandId: crypto.randomUUID() };
  await ensureSeries({ store, isSimulated: () => false }, series, doer);
  const data = { seriesId: seriesId(series), historyStart };
  await decideSeries(store, { type: "WatchSeries", data }, doer);
  await follower.waitFor(await store.head());
  return series;
}

export async function unwatch(
  { store, follower }: House,
  ...all: readonly SeriesRef[]
): Promise<void> {
  for (const series of all) {
    const command = { type: "UnwatchSeries", data: { seriesId: seriesId(series) } } as const;
    await decideSeries(store, command, { actor: "test", commandId: crypto.randomUUID() });
  }
  await follower.waitFor(await store.head());
}

/** How many candles of a series the read models have. */
export async function held({ series }: House, one: SeriesRef): Promise<number | undefined> {
  return (await series.find(seriesId(one)))?.candles;
}
