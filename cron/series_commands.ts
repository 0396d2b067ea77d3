import type { SeriesEvent } from "@/events/catalog/series.ts";
import type { EventStore } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { handle } from "@/domain/handle.ts";
import { type Series, series as decider, type SeriesCommand } from "@/domain/series.ts";
import { seriesId as idOf, type SeriesRef } from "@/domain/klines/series_ref.ts";

/** Who acts, and the id under which a repeat finds what was done. */
export interface Doer {
  readonly actor: string;
  readonly commandId: string;
}

interface Deps {
  readonly store: EventStore;
  /** Venues whose candles are made up. */
  readonly isSimulated: (exchange: string) => boolean;
}

/** Adds the series where it is not known yet; silent otherwise. */
export async function ensureSeries(
  { store, isSimulated }: Deps,
  series: SeriesRef,
  doer: Doer,
): Promise<void> {
  const { exchange, symbol, interval } = series;
  await decideSeries(store, {
    type: "AddSeries",
    data: { seriesId: idOf(series), exchange, symbol, interval, simulated: isSimulated(exchange) },
  }, doer);
}

export async function decideSeries(
  store: EventStore,
  command: SeriesCommand,
  { actor, commandId }: Doer,
): Promise<void> {
  const { seriesId } = command.data;
  await handle({ store }, decider, {
    stream: seriesStream(seriesId),
    command,
    // One request may decide several times: each has an id of its own.
    meta: { actor, commandId: uuidV5(commandId, `${command.type}/${seriesId}`) },
  });
}

/** The series as its stream has it at this moment, however far the read models are. */
export async function currentSeries(store: EventStore, seriesId: string): Promise<Series> {
  const { events } = await store.readStream<SeriesEvent>(seriesStream(seriesId));
  return events.reduce<Series>((state, event) => decider.evolve(state, event), decider.initial);
}

export function seriesStream(seriesId: string): string {
  return `series-${seriesId}`;
}
