import { z } from "@hono/zod-openapi";
import { isOwed } from "@/domain/alerts/owed.ts";
import type { AlertDelivery } from "@/projections/crawler_queries.ts";
import type { Projections } from "@/projections/define.ts";
import type { ProcessFacts } from "@/domain/ports/process_facts.ts";
import type { AppDeps } from "./app_deps.ts";
import { createCandleMeter } from "./candle_meter.ts";
import { createCrawlerMetrics } from "./crawler_metrics.ts";
import { readAlerts } from "./crawler_alerts.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { answer } from "./envelope.ts";
import type { HttpMeter } from "./http_meter.ts";
import { textBody } from "./media.ts";
import { type MetricFamily, METRICS_TYPE, metricsText, stateSamples } from "./metrics_text.ts";

type Deps =
  & Pick<AppDeps, "crawlers" | "crawlerQueries" | "alertChannels" | "projections" | "store">
  & Pick<
    AppDeps,
    "exchangeStandings" | "signal" | "freeBytes" | "processFacts" | "clock" | "log" | "settings"
  >
  & { readonly meter: HttpMeter };

type Collect = () => Promise<readonly MetricFamily[]>;

/** Prometheus itself waits for ten seconds. */
const PATIENCE_MS = 5_000;

/** `/metrics`, as Prometheus reads it. */
export function addMetricsRoute(router: Router, deps: Deps): void {
  const candleFamilies = createCandleMeter(deps);
  const { meter, settings, projections, store, freeBytes } = deps;
  const parts: Readonly<Record<string, Collect>> = {
    crawlers: createCrawlerMetrics(deps),
    alerts: () => alertFamilies(deps),
    projections: async () => projectionFamilies(await projections.status()),
    log: async () => [
      gauge("log_position", "Position of the last event of the log.", await store.head()),
    ],
    disk: async () => [
      gauge("disk_free_bytes", "Free bytes where the data lie.", await freeBytes()),
    ],
  };

  endpoint(router, {
    ...{ method: "get", path: "/metrics", access: settings.metrics, tag: "Health" },
    summary: "Metrics of the service, for Prometheus",
    description: "What cannot be read at the moment is left out, and `chandlery_metrics_up` says " +
      "so. `METRICS=open` takes no token.",
    ...{ query: z.strictObject({}), body: undefined },
    answer: {
      status: 200,
      description: "In the text format 0.0.4",
      types: { "text/plain": textBody("A line for each sample") },
    },
  }, async (c) => {
    const collected = await Promise.all(
      Object.entries(parts).map(async ([part, collect]) => ({
        part,
        families: await collectInTime(deps, part, collect),
      })),
    );
    const families = [
      ...processFamilies(settings.version, deps.processFacts()),
      upFamily(collected),
      ...collected.flatMap(({ families }) => families ?? []),
      ...candleFamilies(),
      ...meter.families(),
    ];
    return answer(c, metricsText(families), { headers: { "content-type": METRICS_TYPE } });
  });
}

/** Undefined for a part that fails or says nothing: the others are shown all the same. */
async function collectInTime(
  { clock, log }: Deps,
  part: string,
  collect: Collect,
): Promise<readonly MetricFamily[] | undefined> {
  const enough = new AbortController();
  const late = clock.sleep(PATIENCE_MS, enough.signal).then(
    () => Promise.reject(new Error(`no answer within ${PATIENCE_MS} ms`)),
    () => undefined,
  );
  try {
    return await Promise.race([collect(), late]);
  } catch (error) {
    log.warn("metrics could not be read", { part, error });
    return undefined;
  } finally {
    enough.abort();
  }
}

function upFamily(
  collected: readonly { readonly part: string; readonly families: unknown }[],
): MetricFamily {
  return {
    ...{ name: "chandlery_metrics_up", help: "1 where a part could be read.", type: "gauge" },
    samples: collected.map(({ part, families }) => ({
      ...{ labels: { part }, value: families === undefined ? 0 : 1 },
    })),
  };
}

async function alertFamilies(deps: Deps): Promise<readonly MetricFamily[]> {
  const { alertChannels } = deps;
  const all = await readAlerts(deps);
  const family = (
    name: string,
    help: string,
    counts: (channel: string, one: AlertDelivery) => boolean,
  ): MetricFamily => ({
    ...{ name: `chandlery_alerts_${name}`, help, type: "gauge" },
    samples: alertChannels.map((channel) => ({
      labels: { channel },
      value: all.filter((one) => counts(channel, one)).length,
    })),
  });
  return [
    family(
      "undelivered",
      "Alerts that a channel has not taken yet.",
      (channel, { alert, deliveries }) => isOwed(alert, channel, deliveries[channel]?.status),
    ),
    family(
      "given_up",
      "Alerts of the last two weeks that a channel is not asked to take again.",
      (channel, { deliveries }) => deliveries[channel]?.status === "given_up",
    ),
  ];
}

type Status = Awaited<ReturnType<Projections["status"]>>[number];

function projectionFamilies(all: readonly Status[]): readonly MetricFamily[] {
  const family = (name: string, help: string, valueOf: (status: Status) => number) => ({
    ...{ name: `chandlery_projection_${name}`, help, type: "gauge" } as const,
    samples: all.map((one) => ({ labels: { projection: one.name }, value: valueOf(one) })),
  });
  return [
    family("position", "The last event that its rows show.", ({ position }) => position),
    family("lag_events", "Events behind the log.", ({ lag }) => lag),
    {
      ...{ name: "chandlery_projection_state", help: "1 for the state it is in.", type: "gauge" },
      samples: all.flatMap(({ name, status }) =>
        stateSamples({ projection: name }, PROJECTION_STATES, status)
      ),
    },
  ];
}

const PROJECTION_STATES = ["live", "behind", "rebuilding", "failed"];

/** Under the names that Prometheus' own clients use. */
function processFamilies(
  version: string,
  { startedAt, runtime, rss, heapTotal, heapUsed, external }: ProcessFacts,
): readonly MetricFamily[] {
  const own = (name: string, help: string, value: number): MetricFamily => ({
    ...{ name: `process_${name}`, help, type: "gauge", samples: [{ value }] },
  });
  return [
    {
      ...{ name: "chandlery_build_info", help: "Always 1.", type: "gauge" },
      samples: [{ labels: { version, deno: runtime }, value: 1 }],
    },
    own("start_time_seconds", "When the process began.", startedAt / 1_000),
    own("resident_memory_bytes", "Memory that the process holds.", rss),
    own("heap_bytes", "Heap of the main thread.", heapTotal),
    own("heap_used_bytes", "What of the heap is in use.", heapUsed),
    own("external_memory_bytes", "Buffers outside of the heap.", external),
  ];
}

function gauge(name: string, help: string, value: number): MetricFamily {
  return { name: `chandlery_${name}`, help, type: "gauge", samples: [{ value }] };
}
