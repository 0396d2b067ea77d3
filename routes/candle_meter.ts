import type { KlineEvent, KlineRejectionEvent } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import type { EventStore } from "@/events/store/store.ts";
import { trusted } from "@/events/trust.ts";
import type { MetricFamily } from "./metrics_text.ts";

/** Where candles come from, all there are. */
const SOURCES = ["exchange", "import", "api"] as const;
type Source = typeof SOURCES[number];
type Outcome = "ingested" | "revised" | "rejected";

/**
 * Counts the candles that this process has recorded since it began, until the signal aborts. What is
 * said again adds no event, so nothing counts twice.
 */
export function createCandleMeter(
  { store, signal }: {
    readonly store: Pick<EventStore, "subscribe">;
    readonly signal: AbortSignal;
  },
): () => readonly MetricFamily[] {
  const counts = Object.fromEntries(
    SOURCES.map((source) => [source, { ingested: 0, revised: 0, rejected: 0 }]),
  );

  function count(source: Source, outcome: Outcome, more: number): void {
    const row = counts[source];
    if (row !== undefined) row[outcome] += more;
  }

  const stop = store.subscribe((events) => {
    for (const event of events) {
      const { type, data } = trusted<Recorded<KlineEvent | KlineRejectionEvent>>(event);
      if (type === "KlinesRejected") count(data.source, "rejected", data.total);
      if (type !== "KlinesRecorded" && type !== "KlinesArchived") continue;
      count(data.source, "ingested", data.ingested);
      count(data.source, "revised", data.revised);
    }
  });
  signal.addEventListener("abort", stop, { once: true });

  return () =>
    ([["ingested", "new"], ["revised", "held and changed"], ["rejected", "refused"]] as const)
      .map(([outcome, words]) => ({
        ...{ name: `chandlery_candles_${outcome}_total`, type: "counter" },
        help: `Candles that were ${words}, by where they came from, since the process began.`,
        samples: SOURCES.map((source) => ({
          labels: { source },
          value: counts[source]?.[outcome] ?? 0,
        })),
      }));
}
