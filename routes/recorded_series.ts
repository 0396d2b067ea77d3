import { isInterval } from "@/domain/klines/interval.ts";
import { type Series, series as decider } from "@/domain/series.ts";
import type { SeriesEvent } from "@/events/catalog/series.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { SeriesView } from "@/projections/series_queries.ts";

/** A series as its stream has it, where reads lag behind: nothing is known of its candles. */
export async function findRecorded(
  store: Pick<EventStore, "readStream">,
  id: string,
): Promise<SeriesView | undefined> {
  const { events } = await store.readStream<SeriesEvent>(`series-${id}`);
  const state = events.reduce<Series>((value, event) => decider.evolve(value, event), {
    status: "absent",
  });
  if (state.status === "absent") return undefined;
  const { identity: { exchange, symbol, interval, simulated }, watched, historyStart } = state;
  if (!isInterval(interval)) return undefined;
  return {
    ...{ id, exchange, symbol, interval, simulated, watched, historyStart },
    ...{ source: null, firstOpenTime: null, lastOpenTime: null, candles: 0, hotRows: 0 },
    ...{ coldMonths: 0, coveragePct: null, gaps: 0, lastCrawledAt: null },
    lastError: state.error,
  };
}
