import { equal } from "node:assert/strict";
import { systemClock } from "@/adapters/clock.ts";
import type { AlertEvent } from "@/events/catalog/alert.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import {
  type CrawlerEvent,
  type CrawlerRunEvent,
  crawlerRunEvents,
} from "@/events/catalog/crawler.ts";
import type { MarketReportEvent } from "@/events/catalog/market_report.ts";
import type { Recorded } from "@/events/define.ts";
import type { Database } from "@/events/store/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
import { trusted } from "@/events/trust.ts";
import { alertDeliveries } from "@/projections/alert_deliveries.ts";
import { createCrawlerQueries } from "@/projections/crawler_board.ts";
import type { CrawlerQueries } from "@/projections/crawler_queries.ts";
import { crawlerRuns } from "@/projections/crawler_runs.ts";
import { crawlerSources } from "@/projections/crawler_sources.ts";
import { crawlerVenues } from "@/projections/crawler_venues.ts";
import { openDb } from "@/projections/db.ts";
import type { RowProjection } from "@/projections/define.ts";
import { fold, type ProjectedRow, touches } from "@/projections/fold.ts";
import { createFollower } from "@/projections/follower.ts";
import { marketReports } from "@/projections/market_reports.ts";
import { createReportQueries } from "@/projections/report_board.ts";
import type { ReportQueries } from "@/projections/report_queries.ts";
import { databaseSteps } from "../support/database_steps.ts";
import { quietLog } from "../support/quiet_log.ts";

export type CrawlingEvent = CrawlerRunEvent | CrawlerEvent | AlertEvent | MarketReportEvent;

const PROJECTIONS = [crawlerRuns, crawlerSources, crawlerVenues, alertDeliveries, marketReports];

/** The read models of crawlers on a log of their own. */
export interface CrawlerWorld {
  readonly database: Database;
  readonly crawlers: CrawlerQueries;
  readonly reports: ReportQueries;
  /** Each event on its stream, in this order; they are in the read models when it answers. */
  append(...events: readonly CrawlingEvent[]): Promise<void>;
  log(): Promise<readonly Recorded<CrawlingEvent>[]>;
  /** Rows of every read model, before and after each was made anew from the log. */
  rebuilt(): Promise<{ before: readonly unknown[]; after: readonly unknown[] }>;
}

/** One test for each database, its steps one after the other, each on an empty log. */
export function crawlerTest(
  title: string,
  steps: Readonly<Record<string, (world: CrawlerWorld) => Promise<void>>>,
): void {
  databaseSteps(title, steps, ({ database }, step) => inWorld(database, step));
}

async function inWorld(
  database: Database,
  run: (world: CrawlerWorld) => Promise<void>,
): Promise<void> {
  await database.script("drop schema public cascade; create schema public;");
  await migrate(database);
  const store = await createSqlStore({ database, catalog });
  const projections = PROJECTIONS;
  const following = { database, store, projections, log: quietLog, clock: systemClock };
  const follower = createFollower({ ...following, pollMs: 60_000 });
  await follower.start();
  const db = openDb(database);

  async function rows(): Promise<unknown[]> {
    return await Promise.all(projections.map(async ({ name, version }) => {
      const found = await database.values(
        `select to_jsonb(v) from ${name}_v${version} v order by to_jsonb(v)`,
      );
      return [name, found];
    }));
  }

  try {
    await run({
      ...{ database, crawlers: createCrawlerQueries(db), reports: createReportQueries(db) },
      async append(...events) {
        for (const group of apart(events)) {
          const writes = group.map((event) => ({
            ...{ stream: streamOf(event), expected: "any" as const, events: [event] },
          }));
          await store.append(writes, { actor: "job:test", commandId: crypto.randomUUID() });
        }
        equal(await follower.waitFor(await store.head(), 20_000), true);
      },
      log: async () => trusted(await store.readAll({ after: 0, limit: 100_000 })),
      async rebuilt() {
        const before = await rows();
        for (const { name } of projections) await follower.rebuild(name, {});
        return { before, after: await rows() };
      },
    });
  } finally {
    await follower.stop();
    await store.close();
  }
}

/** One command names a stream once. */
function apart(events: readonly CrawlingEvent[]): CrawlingEvent[][] {
  const groups: CrawlingEvent[][] = [];
  let streams = new Set<string>();
  for (const event of events) {
    const stream = streamOf(event);
    const last = groups.at(-1);
    if (last === undefined || streams.has(stream)) {
      groups.push([event]);
      streams = new Set([stream]);
      continue;
    }
    last.push(event);
    streams.add(stream);
  }
  return groups;
}

function streamOf({ type, data }: CrawlingEvent): string {
  switch (type) {
    case "CrawlerPaused":
    case "CrawlerResumed":
      return `crawler-${data.source}`;
    case "AlertRaised":
    case "AlertSent":
    case "AlertFailed":
    case "AlertGivenUp":
      return `alert-${data.alertId}`;
    case "MarketReportCrawled":
      return `market_report-${data.source}-2026-03`;
    default:
      return `crawler_run-${data.runId}`;
  }
}

export function isRunEvent(event: CrawlingEvent): event is CrawlerRunEvent {
  return Object.hasOwn(crawlerRunEvents, event.type);
}

/** Rows by key after events that happen a second apart, without a database. */
export function rowsAfter<Row>(
  projection: RowProjection<never, never>,
  events: readonly CrawlingEvent[],
): ReadonlyMap<string, Row> {
  const log = events.map((event, n): Recorded => ({
    ...trusted<Recorded>(event),
    ...{ position: n + 1, stream: streamOf(event), version: n + 1, id: String(n), schema: 1 },
    ...{ meta: { actor: "job:test", commandId: "c" }, at: new Date(n * 1_000) },
  }));
  const rows = new Map<string, ProjectedRow>();
  return trusted(fold(projection, rows, touches(projection, log)));
}
