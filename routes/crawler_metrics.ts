import { DURATION_BOUNDS_MS, type SourceDay } from "@/domain/reports/source_day.ts";
import type { AppDeps } from "./app_deps.ts";
import {
  BREAKER_STATES,
  CRAWLER_STATES,
  type CrawlerHealth,
  readHealth,
} from "./crawler_health.ts";
import { type MetricFamily, type Sample, stateSamples } from "./metrics_text.ts";
import { readVenues, type VenueStanding } from "./venue_standings.ts";

type Deps = Pick<AppDeps, "crawlers" | "crawlerQueries" | "exchangeStandings" | "clock">;

/** Collects the metrics of crawlers, of one installation as a whole. */
export function createCrawlerMetrics(deps: Deps): () => Promise<readonly MetricFamily[]> {
  return async () => {
    const [health, venues, totals] = await Promise.all([
      ...[readHealth(deps), readVenues(deps), deps.crawlerQueries.totals()] as const,
    ]);
    return [
      ...totalFamilies(totals),
      ...healthFamilies(health),
      ...venueFamilies(venues, finalFailures(deps, totals)),
    ];
  };
}

function totalFamilies(totals: readonly SourceDay[]): readonly MetricFamily[] {
  const counter = (name: string, help: string, valueOf: (day: SourceDay) => number) => ({
    ...{ name: `chandlery_crawler_${name}`, help, type: "counter" } as const,
    samples: totals.map((day) => ({ labels: { source: day.source }, value: valueOf(day) })),
  });
  return [
    {
      ...{ name: "chandlery_crawler_runs_total", type: "counter" },
      help: "Runs that ended, by how they ended.",
      samples: totals.flatMap(({ source, ...day }) =>
        Object.entries({
          ...{ succeeded: day.succeeded, failed: day.failed, timed_out: day.timedOut },
          ...{ crashed: day.crashed, skipped: day.skipped },
        }).map(([status, value]) => ({ labels: { source, status }, value }))
      ),
    },
    counter(
      "attempts_total",
      "Attempts of the runs that ended.",
      ({ attempts }) => attempts,
    ),
    counter("rows_total", "Rows that runs brought.", ({ rows }) => rows),
    counter("bytes_total", "Bytes that runs were answered.", ({ bytes }) => bytes),
    counter(
      "run_seconds_total",
      "Time that the attempts took which ended the runs.",
      ({ totalMs }) => totalMs / 1_000,
    ),
    {
      ...{ name: "chandlery_crawler_run_duration_seconds", type: "histogram" },
      help: "Time that the attempts took which ended the runs.",
      samples: totals.flatMap(durationSamples),
    },
  ];
}

function durationSamples({ source, durations, totalMs }: SourceDay): readonly Sample[] {
  const buckets = durations.map((value, i): Sample => {
    const bound = DURATION_BOUNDS_MS[i];
    const le = bound === undefined ? "+Inf" : String(bound / 1_000);
    return { suffix: "_bucket", labels: { source, le }, value };
  });
  return [
    ...buckets,
    { suffix: "_sum", labels: { source }, value: totalMs / 1_000 },
    { suffix: "_count", labels: { source }, value: durations.at(-1) ?? 0 },
  ];
}

function healthFamilies(all: readonly CrawlerHealth[]): readonly MetricFamily[] {
  const gauge = (
    name: string,
    help: string,
    valueOf: (health: CrawlerHealth) => number | null | undefined,
  ): MetricFamily => ({
    ...{ name: `chandlery_crawler_${name}`, help, type: "gauge" },
    samples: all.flatMap((health): Sample[] => {
      const value = valueOf(health) ?? undefined;
      return value === undefined ? [] : [{ labels: { source: health.name }, value }];
    }),
  });
  const seconds = (ms: number | null | undefined) => typeof ms === "number" ? ms / 1_000 : ms;
  return [
    {
      ...{ name: "chandlery_crawler_state", help: "1 for the state it is in.", type: "gauge" },
      samples: all.flatMap(({ name, state }) =>
        stateSamples({ source: name }, CRAWLER_STATES, state)
      ),
    },
    gauge("running", "1 while a run goes on.", ({ running }) => running === null ? 0 : 1),
    gauge(
      "last_success_timestamp_seconds",
      "When its last successful run ended.",
      ({ record }) => seconds(record?.lastSuccessAt),
    ),
    gauge(
      "last_failure_timestamp_seconds",
      "When its last failed run ended.",
      ({ record }) => seconds(record?.lastFailureAt),
    ),
    gauge(
      "next_run_timestamp_seconds",
      "When its schedule starts the next run.",
      ({ nextRunAt }) => seconds(nextRunAt),
    ),
    gauge(
      "mean_duration_seconds",
      "Of the attempts that succeeded within 7 days.",
      ({ record }) => seconds(record?.meanDurationMs),
    ),
    {
      ...{ name: "chandlery_crawler_success_ratio", type: "gauge" },
      help: "Part of the runs that succeeded within a window, 0 to 1.",
      samples: all.flatMap(({ name, record }) => [
        ...ratio(name, "24h", record?.successRate24h),
        ...ratio(name, "7d", record?.successRate7d),
      ]),
    },
  ];
}

/** Final failures by venue: of sources all that ever were, of exchanges those since the process began. */
function finalFailures(
  { crawlers, exchangeStandings }: Deps,
  totals: readonly SourceDay[],
): ReadonlyMap<string, number> {
  const failures = new Map<string, number>();
  const add = (venue: string, count: number) =>
    failures.set(venue, (failures.get(venue) ?? 0) + count);
  for (const { name, venue, ownBreakers } of crawlers.list()) {
    const total = totals.find(({ source }) => source === name);
    if (!ownBreakers) add(venue, (total?.failed ?? 0) + (total?.timedOut ?? 0));
  }
  for (const { exchange, failures } of exchangeStandings()) add(exchange, failures);
  return failures;
}

function venueFamilies(
  venues: readonly VenueStanding[],
  failures: ReadonlyMap<string, number>,
): readonly MetricFamily[] {
  return [
    {
      ...{ name: "chandlery_crawler_breaker_state", type: "gauge" },
      help: "1 for the state that the venue's breaker is in.",
      samples: venues.flatMap(({ venue, breaker }) =>
        stateSamples({ venue }, BREAKER_STATES, breaker)
      ),
    },
    {
      ...{ name: "chandlery_crawler_venue_failures_total", type: "counter" },
      help:
        "Final failures by venue; of exchanges rounds of candle crawls, since the process began.",
      samples: [...failures].map(([venue, value]) => ({ labels: { venue }, value })),
    },
  ];
}

function ratio(source: string, window: string, value: number | null | undefined): Sample[] {
  return typeof value === "number" ? [{ labels: { source, window }, value }] : [];
}
