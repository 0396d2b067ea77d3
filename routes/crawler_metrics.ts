import type { Clock } from "@/domain/ports/clock.ts";
import type { SourceDay } from "@/domain/reports/source_day.ts";
import type { CrawlerQueries } from "@/projections/crawler_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import {
  BREAKER_STATES,
  CRAWLER_STATES,
  type CrawlerHealth,
  readHealth,
} from "./crawler_health.ts";
import { type MetricFamily, type Sample, stateSamples } from "./metrics_text.ts";

type Deps = Pick<AppDeps, "crawlers" | "crawlerQueries" | "clock">;

const HOUR_MS = 3_600_000;
/** Clocks of other instances may go before this one. */
const AHEAD_MS = 24 * HOUR_MS;

/** Collects the metrics of crawlers, of one installation as a whole. */
export function createCrawlerMetrics(deps: Deps): () => Promise<readonly MetricFamily[]> {
  const readTotals = createRunTotals(deps);
  return async () => {
    const [health, totals] = await Promise.all([readHealth(deps), readTotals()]);
    return [...totalFamilies(totals), ...healthFamilies(health)];
  };
}

/**
 * What all runs came to that ever ended, by source. Those that ended before the last full hour are
 * added up once an hour: a log of years is not read for every scrape.
 */
export function createRunTotals(
  { crawlerQueries, clock }: {
    readonly crawlerQueries: Pick<CrawlerQueries, "days">;
    readonly clock: Pick<Clock, "now">;
  },
): () => Promise<readonly SourceDay[]> {
  let known: { readonly until: number; readonly days: Promise<readonly SourceDay[]> } | undefined;

  return async () => {
    const now = clock.now();
    const until = Math.floor(now / HOUR_MS - 1) * HOUR_MS;
    if (known?.until !== until) {
      const mine = { until, days: crawlerQueries.days({ from: 0, to: until }) };
      known = mine;
      mine.days.catch(() => {
        if (known === mine) known = undefined;
      });
    }
    const [before, since] = await Promise.all([
      known.days,
      crawlerQueries.days({ from: until, to: now + AHEAD_MS }),
    ]);
    return added([...before, ...since]);
  };
}

function added(days: readonly SourceDay[]): readonly SourceDay[] {
  const bySource = new Map<string, SourceDay>();
  for (const day of days) {
    const sum = bySource.get(day.source);
    bySource.set(
      day.source,
      sum === undefined ? day : {
        ...day,
        ...{ succeeded: sum.succeeded + day.succeeded, failed: sum.failed + day.failed },
        ...{ timedOut: sum.timedOut + day.timedOut, crashed: sum.crashed + day.crashed },
        ...{ skipped: sum.skipped + day.skipped, rows: sum.rows + day.rows },
        ...{ bytes: sum.bytes + day.bytes, totalMs: sum.totalMs + day.totalMs },
      },
    );
  }
  return [...bySource.values()];
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
    counter("rows_total", "Rows that runs brought.", ({ rows }) => rows),
    counter("bytes_total", "Bytes that runs were answered.", ({ bytes }) => bytes),
    counter(
      "run_seconds_total",
      "Time that the attempts took which ended the runs.",
      ({ totalMs }) => totalMs / 1_000,
    ),
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
  const venues = new Map(all.map(({ venue, breaker }) => [venue, breaker]));
  return [
    {
      ...{ name: "chandlery_crawler_state", help: "1 for the state it is in.", type: "gauge" },
      samples: all.flatMap(({ name, state }) =>
        stateSamples({ source: name }, CRAWLER_STATES, state)
      ),
    },
    {
      ...{ name: "chandlery_crawler_breaker_state", type: "gauge" },
      help: "1 for the state that the venue's breaker is in.",
      samples: [...venues].flatMap(([venue, state]) =>
        stateSamples({ venue }, BREAKER_STATES, state)
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

function ratio(source: string, window: string, value: number | null | undefined): Sample[] {
  return typeof value === "number" ? [{ labels: { source, window }, value }] : [];
}
