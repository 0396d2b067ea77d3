import { and, count, desc, eq, gte, ilike, lt, min, or, type SQL, sql } from "drizzle-orm";
import { type CrawlerQueries, MOST_COUNTED, type RunFilter } from "./crawler_queries.ts";
import { crawlerRunsTable as runs } from "./crawler_runs.ts";
import type { Db } from "./db.ts";

/** What a `CrawlerRunView` has of the row. */
const VIEW = {
  runId: runs.runId,
  source: runs.source,
  venue: runs.venue,
  status: runs.status,
  trigger: runs.trigger,
  scheduledFor: runs.scheduledFor,
  startedAt: runs.startedAt,
  finishedAt: runs.finishedAt,
  attempts: runs.attempts,
  rows: runs.rows,
  bytes: runs.bytes,
  errorClass: runs.errorClass,
  errorMessage: runs.errorMessage,
  httpStatus: runs.httpStatus,
  retryOf: runs.retryOf,
  crashes: runs.crashes,
} as const;

/** Finds runs. */
export function createRunLog(
  db: Db,
  mostCounted: number = MOST_COUNTED,
): Pick<CrawlerQueries, "findRuns" | "findRun" | "firstRunAt" | "openRuns"> {
  const newestFirst = [desc(runs.startedAt), desc(runs.runId)] as const;
  return {
    async findRuns(filter) {
      const { page, size } = filter;
      const where = conditionOf(filter);
      const counted = db.select({ runId: runs.runId }).from(runs).where(where)
        .limit(page * size + mostCounted).as("counted");
      const [found, [sum]] = await Promise.all([
        db.select(VIEW).from(runs).where(where).orderBy(...newestFirst)
          .limit(size).offset((page - 1) * size),
        db.select({ total: count() }).from(counted),
      ]);
      return { runs: found, total: sum?.total ?? 0 };
    },
    async findRun(runId) {
      const [run] = await db.select(VIEW).from(runs).where(eq(runs.runId, runId));
      return run;
    },
    async firstRunAt() {
      const [first] = await db.select({ at: min(runs.startedAt) }).from(runs);
      return first?.at ?? undefined;
    },
    async openRuns(source) {
      const where = and(
        eq(runs.status, "running"),
        source === undefined ? undefined : eq(runs.source, source),
      );
      return await db.select(VIEW).from(runs).where(where).orderBy(...newestFirst);
    },
  };
}

function conditionOf({ source, status, from, to, q }: RunFilter): SQL | undefined {
  const pattern = q === undefined ? undefined : `%${q.replace(/[\\%_]/g, "\\$&")}%`;
  return and(
    source === undefined ? undefined : eq(runs.source, source),
    status === undefined ? undefined : eq(runs.status, status),
    from === undefined ? undefined : gte(runs.startedAt, from),
    to === undefined ? undefined : lt(runs.startedAt, to),
    pattern === undefined ? undefined : or(
      ilike(runs.runId, pattern),
      ilike(runs.source, pattern),
      ilike(runs.errorClass, pattern),
      ilike(runs.errorMessage, pattern),
      ilike(sql<string>`${runs.httpStatus}::text`, pattern),
    ),
  );
}
