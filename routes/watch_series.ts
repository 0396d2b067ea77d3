import { Refusal } from "@/domain/decider.ts";
import { handle, type Handled } from "@/domain/handle.ts";
import { seriesId, type SeriesRef, seriesRef } from "@/domain/klines/series_ref.ts";
import { series as decider, type SeriesCommand } from "@/domain/series.ts";
import type { SeriesEvent } from "@/events/catalog/series.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import { claimKey, type WriteIdentity } from "./idempotency.ts";
import { findRecorded } from "./recorded_series.ts";

type Deps = Pick<AppDeps, "store" | "venues" | "settings" | "clock" | "log" | "signal">;

export interface NewSeries {
  readonly exchange: string;
  readonly symbol: string;
  readonly interval: string;
  /** Epoch ms; undefined keeps what it is. */
  readonly historyStart: number | undefined;
  readonly watch: boolean;
}

export interface AddedSeries {
  readonly id: string;
  /** It was not there before. */
  readonly added: boolean;
  readonly position: number;
}

/** How long a venue may take to say whether it has a symbol. */
const VENUE_TIMEOUT_MS = 5_000;

/** Makes a series what is wanted of it, and adds it where it is new; silent where nothing changes. */
export async function addSeries(
  deps: Deps,
  wanted: NewSeries,
  identity: WriteIdentity,
): Promise<AddedSeries> {
  const { historyStart, watch } = wanted;
  const asked = seriesRef(wanted.exchange, wanted.symbol, wanted.interval);
  const simulated = deps.venues.isSimulated(asked.exchange);
  refuseMixture(simulated, deps.settings.simulated);
  if (historyStart !== undefined && historyStart > deps.clock.now()) {
    const message = "Cannot begin a history in the future: send a history_start that has passed";
    throw new Refusal("validation_error", message, { field: "history_start" });
  }
  // Not the read models: they may lag behind what was decided a moment ago.
  const held = await findRecorded(deps.store, seriesId(asked));
  if (held === undefined) await deps.venues.require(asked.exchange);
  const ref = watch && held?.watched !== true ? await atVenue(deps, wanted, asked) : asked;
  const id = seriesId(ref);
  const existing = held?.id === id ? held : undefined;
  await claimKey(deps.store, identity);
  const add = { type: "AddSeries", data: { seriesId: id, ...ref, simulated } } as const;
  const first = await decide(deps, add, identity);
  const done = [first];
  const isNew = first.events.length > 0 && !first.replayed;
  const known = existing ?? (isNew ? undefined : await findRecorded(deps.store, id));
  for (const command of changes(id, wanted, known)) {
    done.push(await decide(deps, command, identity));
  }
  // What changed nothing has the log's head for a position, which a repeat would not have.
  const changed = done.filter(({ events }) => events.length > 0);
  return {
    id,
    added: changed.some(({ events }) => events.some(({ type }) => type === "SeriesAdded")),
    position: (changed.length > 0 ? changed : done).at(-1)?.position ?? 0,
  };
}

/** What makes a known or a new series what is wanted; a history start that is not named stays as it is. */
function changes(
  id: string,
  { watch, historyStart }: NewSeries,
  known: SeriesView | undefined,
): readonly SeriesCommand[] {
  if (watch) {
    const start = historyStart ?? known?.historyStart ?? null;
    return [{ type: "WatchSeries", data: { seriesId: id, historyStart: start } }];
  }
  const commands: SeriesCommand[] = [];
  if (known !== undefined) commands.push({ type: "UnwatchSeries", data: { seriesId: id } });
  if (historyStart === undefined) return commands;
  return [...commands, { type: "SetHistoryStart", data: { seriesId: id, historyStart } }];
}

/** Stops the crawl of a series; its candles stay. Returns the position. */
export async function unwatchSeries(
  deps: Pick<Deps, "store">,
  view: SeriesView,
  identity: WriteIdentity,
): Promise<number> {
  const command = { type: "UnwatchSeries", data: { seriesId: view.id } } as const;
  return (await decide(deps, command, identity)).position;
}

async function decide(
  { store }: Pick<Deps, "store">,
  command: SeriesCommand,
  { actor, commandId, fingerprint }: WriteIdentity,
): Promise<Handled<SeriesEvent>> {
  // Not by series: the same key for another series must meet what it recorded for the first.
  const meta = { actor, commandId: uuidV5(commandId, command.type), fingerprint };
  const stream = `series-${command.data.seriesId}`;
  return await handle({ store }, decider, { stream, command, meta });
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

/** Written out as ccxt does, so that nothing has to be guessed. */
const UNIFIED = /^[A-Z0-9]+\/[A-Z0-9]+(:[A-Z0-9]+)?$/;

/** The series as its venue names it; while the venue cannot be reached, as asked if that is plain. */
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
    log.warn("cannot ask a venue for a symbol", { exchange, symbol, error });
    if (UNIFIED.test(asked.symbol)) return asked;
    throw new Refusal(
      "unavailable",
      `Cannot ask ${exchange} what it calls ${symbol}: try again, or write it as BASE/QUOTE or ` +
        "BASE/QUOTE:SETTLE, like BTC/USDT",
      { field: "symbol" },
    );
  }
}
