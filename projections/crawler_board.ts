import { and, asc, eq, gte, isNotNull, or, type SQL, sql } from "drizzle-orm";
import { NO_ALERTS } from "@/domain/alerts/rules.ts";
import { alertDeliveriesTable as alerts } from "./alert_deliveries.ts";
import type { AlertDelivery, CrawlerQueries } from "./crawler_queries.ts";
import { crawlerSourcesTable as sources } from "./crawler_sources.ts";
import { crawlerVenuesTable as venues } from "./crawler_venues.ts";
import type { Db } from "./db.ts";
import { createRunLog } from "./run_log.ts";
import { createRunStats } from "./run_stats.ts";

const ALERT = { alert: alerts.alert, deliveries: alerts.deliveries } as const;

/** Everything that is known of the crawlers, their runs, venues and alerts. */
export function createCrawlerQueries(db: Db): CrawlerQueries {
  return {
    ...createRunLog(db),
    ...createRunStats(db),
    async breakers() {
      const rows = await db.select().from(venues).orderBy(asc(venues.venue));
      return new Map(rows.map(({ venue, breaker }) => [venue, breaker]));
    },
    async paused() {
      const rows = await db.select({ source: sources.source, paused: sources.paused }).from(sources)
        .where(isNotNull(sources.paused)).orderBy(asc(sources.source));
      return new Map(
        rows.flatMap(({ source, paused }) => paused === null ? [] : [[source, paused]]),
      );
    },
    async alertsOf(source) {
      const [row] = await db.select({ alerts: sources.alerts }).from(sources)
        .where(eq(sources.source, source));
      return row?.alerts ?? NO_ALERTS;
    },
    async untold() {
      const rows = await db.select({ source: sources.source, alerts: sources.alerts }).from(sources)
        .where(sql`jsonb_array_length(${sources.alerts} -> 'untold') > 0`)
        .orderBy(asc(sources.source));
      return new Map(rows.map(({ source, alerts }) => [source, alerts]));
    },
    async findAlert(alertId) {
      const [row] = await db.select(ALERT).from(alerts).where(eq(alerts.alertId, alertId));
      return row;
    },
    undelivered: (channels, since) =>
      alertsWhere(
        channels,
        since,
        (channel) =>
          sql`${isFor(channel)} and coalesce(${statusOf(channel)}, '') not in ('sent', 'given_up')`,
      ),
    givenUp: (channels, since) =>
      alertsWhere(channels, since, (channel) => sql`${statusOf(channel)} = 'given_up'`),
  };

  async function alertsWhere(
    channels: readonly string[],
    since = 0,
    holds: (channel: string) => SQL,
  ): Promise<AlertDelivery[]> {
    if (channels.length === 0) return [];
    return await db.select(ALERT).from(alerts)
      .where(and(gte(alerts.raisedAt, since), or(...channels.map(holds))))
      .orderBy(asc(alerts.raisedAt), asc(alerts.alertId));
  }
}

/** As `isFor` of the domain. */
function isFor(channel: string): SQL {
  const channels = sql`${alerts.alert} -> 'channels'`;
  return sql`(${channels} = 'null' or ${channels} @> to_jsonb(${channel}::text))`;
}

function statusOf(channel: string): SQL {
  return sql`${alerts.deliveries} -> ${channel}::text ->> 'status'`;
}
