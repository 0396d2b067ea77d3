import { and, asc, between, gte, isNotNull, lt, or, type SQL, sql } from "drizzle-orm";
import { DURATION_BOUNDS_MS, type SourceDay } from "@/domain/reports/source_day.ts";
import type { CrawlerQueries, RunStatus } from "./crawler_queries.ts";
import { crawlerRunsTable as runs } from "./crawler_runs.ts";
import { crawlerSourcesTable as sources } from "./crawler_sources.ts";
import type { Db } from "./db.ts";

const DAY_MS = 86_400_000;

/** Sums up runs in the database, however many there are. */
export function createRunStats(db: Db): Pick<CrawlerQueries, "records" | "days" | "totals"> {
  const everDue = or(isNotNull(sources.lastRunAt), isNotNull(sources.lastSkippedAt));
  return {
    async records(now) {
      const rows = await db.select().from(sources).where(everDue).orderBy(asc(sources.source));
      const week = await db.select({
        source: runs.source,
        successRate24h: rateOf(gte(runs.finishedAt, now - DAY_MS)),
        successRate7d: rateOf(sql`true`),
        meanDurationMs: sql<number | null>`(avg(${runs.durationMs})
          filter (where ${runs.status} = 'succeeded'))::float8`,
      }).from(runs).where(between(runs.finishedAt, now - 7 * DAY_MS, now)).groupBy(runs.source);
      const stats = new Map(week.map(({ source, ...rest }) => [source, rest]));
      return rows.map(({ source, lastRunAt, lastSuccessAt, lastFailureAt, ...last }) => ({
        ...{ source, lastRunAt, lastSuccessAt, lastFailureAt },
        ...{ lastStatus: last.lastStatus, lastError: last.lastError },
        ...stats.get(source) ?? { successRate24h: null, successRate7d: null, meanDurationMs: null },
      }));
    },
    async totals() {
      const rows = await db.select({ totals: sources.totals }).from(sources).where(everDue)
        .orderBy(asc(sources.source));
      return rows.map(({ totals }) => totals);
    },
    async days({ from, to }) {
      return await db.select({
        source: runs.source,
        succeeded: countOf("succeeded"),
        failed: countOf("failed"),
        timedOut: countOf("timed_out"),
        crashed: countOf("crashed"),
        skipped: countOf("skipped"),
        rows: sumOf(runs.rows),
        bytes: sumOf(runs.bytes),
        totalMs: sumOf(runs.durationMs),
        attempts: sql<number>`coalesce(sum((${runs.attempts} -> -1 ->> 'attempt')::bigint)
          filter (where not ${runs.stopped}), 0)::bigint`,
        durations: sql<number[]>`array[${sql.join(DURATION_BOUNDS_MS.map(upTo), sql`, `)},
          count(${runs.durationMs})]::int[]`,
        slowest: sql<SourceDay["slowest"]>`(array_agg(
          jsonb_build_object('runId', ${runs.runId}, 'durationMs', ${runs.durationMs})
          order by ${runs.durationMs} desc, ${runs.finishedAt}, ${runs.runId}
        ) filter (where ${runs.durationMs} is not null))[1]`,
      }).from(runs).where(and(gte(runs.finishedAt, from), lt(runs.finishedAt, to)))
        .groupBy(runs.source).orderBy(sql`${runs.source} collate "C"`);
    },
  };
}

/** Of the runs that ended with or without a result; null when there is none. */
function rateOf(within: SQL): SQL<number | null> {
  const ended = sql`${runs.status} <> 'skipped' and not ${runs.stopped} and ${within}`;
  return sql`(count(*) filter (where ${runs.status} = 'succeeded' and ${within}))::float8
    / nullif(count(*) filter (where ${ended}), 0)`;
}

/** A run that was stopped in order counts as nothing. */
function countOf(status: RunStatus): SQL<number> {
  return sql`count(*) filter (where ${runs.status} = ${status} and not ${runs.stopped})`;
}

function upTo(ms: number): SQL {
  return sql`count(*) filter (where ${runs.durationMs} <= ${sql.raw(String(ms))})`;
}

function sumOf(column: typeof runs.rows | typeof runs.bytes | typeof runs.durationMs): SQL<number> {
  return sql`coalesce(sum(${column}), 0)::bigint`;
}
