import { currentSeries, decideSeries, ensureSeries } from "@/cron/series_commands.ts";
import { Refusal } from "@/domain/decider.ts";
import { parseSeries, seriesId } from "@/domain/klines/series_ref.ts";
import type { EventStore } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { SeriesQueries } from "@/projections/series_queries.ts";
import { guardSimulated } from "./guard_simulated.ts";

export interface WatchDeps {
  readonly store: EventStore;
  readonly series: Pick<SeriesQueries, "list">;
  readonly isSimulated: (exchange: string) => boolean;
}

/** Any UUID; the commands of the setting derive from it. */
const SETTING = "6d1f5f0e-9d0b-4c52-8a5b-7f2f3f6f0a11";
const ACTOR = "command:serve";

/**
 * Watches the series of the setting, from the history start they have. Each acts once: a series that
 * was unwatched later stays so.
 * Refusal `conflict` when simulated and real series would meet.
 */
export async function watchConfigured(deps: WatchDeps, texts: readonly string[]): Promise<void> {
  const refs = texts.map(parseSeries);
  if (new Set(refs.map(({ exchange }) => deps.isSimulated(exchange))).size > 1) {
    throw new Refusal("conflict", "Cannot watch simulated and real series in one installation");
  }
  for (const ref of refs) await guardSimulated(deps.series, deps.isSimulated, ref);
  for (const ref of refs) {
    const id = seriesId(ref);
    const doer = { actor: ACTOR, commandId: await uuidV5(SETTING, id) };
    await ensureSeries(deps, ref, doer);
    const known = await currentSeries(deps.store, id);
    const historyStart = known.status === "added" ? known.historyStart : null;
    const data = { seriesId: id, historyStart };
    await decideSeries(deps.store, { type: "WatchSeries", data }, doer);
  }
}
