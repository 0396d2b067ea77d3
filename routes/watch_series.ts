import { Refusal } from "@/domain/decider.ts";
import { handle } from "@/domain/handle.ts";
import { seriesId, type SeriesRef, seriesRef } from "@/domain/klines/series_ref.ts";
import { series as decider, type SeriesCommand } from "@/domain/series.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import type { WriteIdentity } from "./idempotency.ts";

type Deps = Pick<AppDeps, "store" | "series" | "venues" | "settings" | "log" | "signal">;

export interface NewSeries {
  readonly exchange: string;
  readonly symbol: string;
  readonly interval: string;
  /** Epoch ms; undefined keeps what it is. */
  readonly historyStart: number | undefined;
  readonly watch: boolean;
}

export interface AddedSeries {
  readonly ref: SeriesRef;
  readonly id: string;
  readonly position: number;
}

/** How long a venue may take to say whether it has a symbol. */
const VENUE_TIMEOUT_MS = 5_000;

/** Adds a series and watches it if wanted; silent where nothing changes. */
export async function addSeries(
  deps: Deps,
  wanted: NewSeries,
  identity: WriteIdentity,
): Promise<AddedSeries> {
  const asked = seriesRef(wanted.exchange, wanted.symbol, wanted.interval);
  const simulated = deps.venues.isSimulated(asked.exchange);
  refuseMixture(simulated, deps.settings.simulated);
  const existing = await deps.series.find(seriesId(asked));
  const ref = existing === undefined && wanted.watch ? await atVenue(deps, wanted, asked) : asked;
  const id = seriesId(ref);
  let position = await decide(deps, {
    type: "AddSeries",
    data: { seriesId: id, ...ref, simulated },
  }, identity);
  if (wanted.watch) {
    const known = existing ?? await deps.series.find(id);
    const historyStart = wanted.historyStart ?? known?.historyStart ?? null;
    const command = { type: "WatchSeries", data: { seriesId: id, historyStart } } as const;
    position = await decide(deps, command, identity);
  }
  return { ref, id, position };
}

/** Stops the crawl of a series; its candles stay. Returns the position. */
export async function unwatchSeries(
  deps: Pick<Deps, "store">,
  view: SeriesView,
  identity: WriteIdentity,
): Promise<number> {
  return await decide(deps, { type: "UnwatchSeries", data: { seriesId: view.id } }, identity);
}

async function decide(
  { store }: Pick<Deps, "store">,
  command: SeriesCommand,
  { actor, commandId, fingerprint }: WriteIdentity,
): Promise<number> {
  // Not by series: the same key for another series must meet what it recorded for the first.
  const meta = { actor, commandId: uuidV5(commandId, command.type), fingerprint };
  const stream = `series-${command.data.seriesId}`;
  const { position } = await handle({ store }, decider, { stream, command, meta });
  return position;
}

/** Made-up candles and real ones never share an installation. */
export function refuseMixture(simulated: boolean, installation: boolean): void {
  if (simulated === installation) return;
  const [one, other] = simulated ? ["simulated", "real"] : ["real", "simulated"];
  throw new Refusal(
    "conflict",
    `Cannot add a ${one} series: this installation keeps ${other} candles, use another DATA_DIR`,
    { field: "exchange" },
  );
}

/** The series as its venue names it; as asked while the venue cannot be reached. */
async function atVenue(
  { venues, log, signal }: Deps,
  { exchange, symbol }: NewSeries,
  asked: SeriesRef,
): Promise<SeriesRef> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(VENUE_TIMEOUT_MS)]);
  try {
    return { ...asked, symbol: await venues.resolveSymbol(exchange, symbol, patience) };
  } catch (error) {
    if (error instanceof Refusal || signal.aborted) throw error;
    log.warn("added a series without asking its venue", { exchange, symbol, error });
    return asked;
  }
}
