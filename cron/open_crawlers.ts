import type { TextOptions } from "@/domain/alerts/alert_text.ts";
import { DEFAULT_RETRY } from "@/domain/crawlers/retry_policy.ts";
import type { AlertChannel } from "@/domain/ports/alert_channel.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Jobs } from "@/domain/ports/jobs.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Disk } from "@/domain/reports/daily_facts.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import type { Database } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { CrawlerQueries } from "@/projections/crawler_queries.ts";
import type { Db } from "@/projections/db.ts";
import type { Projections } from "@/projections/define.ts";
import type { SeriesQueries } from "@/projections/series_queries.ts";
import { createAlertSender } from "./alert_sender.ts";
import { createAlertWatch } from "./alert_watch.ts";
import { createChannelTurns, EVERY_TURN } from "./channel_turns.ts";
import { dailyReportJob, findDailyReport, type WrittenReport } from "./daily_report.ts";
import type { Job } from "./job.ts";
import { createLeases } from "./leases.ts";
import { createScheduleWatch } from "./schedule_watch.ts";
import { createSeenTimes } from "./seen_times.ts";
import { createSupervisor, type Supervisor } from "./supervise/supervisor.ts";

export interface CrawlersDeps {
  readonly database: Database;
  readonly db: Db;
  readonly store: EventStore;
  readonly blobs: Pick<Blobs, "put">;
  readonly projections: Projections;
  readonly queries: CrawlerQueries;
  readonly series: SeriesQueries;
  readonly jobs: Jobs;
  /** All that runs by the clock but the daily report. */
  readonly sources: readonly Job[];
  readonly channels: readonly AlertChannel[];
  readonly disk: () => Promise<Disk>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

export interface CrawlersSettings extends TextOptions {
  /** `09:00` */
  readonly reportAt: string;
  readonly crawlRetryDelayMs: number;
  readonly crawlTimeoutMs: number;
  readonly isScheduled: boolean;
}

const FAREWELL_MS = 2_000;
const LOOK_MS = 50;

/** The supervisor, and those who tell people what it sees. */
export interface OpenCrawlers {
  readonly supervisor: Supervisor;
  readonly alertChannels: readonly string[];
  /** Messages that some channel has yet to take. */
  waiting(): number;
  /** Starts what is due, tells what is due. Every minute, and at the start. */
  tick(): Promise<void>;
  /** Undefined for a day that is not over. */
  dailyReport(date: string): Promise<WrittenReport | undefined>;
  /** Ends once what has ended is told, or handed to the next start. */
  close(): Promise<void>;
}

export function openCrawlers(
  deps: CrawlersDeps,
  { reportAt, crawlRetryDelayMs, crawlTimeoutMs, isScheduled, ...text }: CrawlersSettings,
): OpenCrawlers {
  const { database, store, queries, channels, clock, log, projections } = deps;
  const isAlone = database.engine === "pglite";
  const holder = crypto.randomUUID();
  const turns = isAlone ? EVERY_TURN : createChannelTurns({ database, clock, log, holder });
  const sender = createAlertSender({ store, channels, clock, log, text, turns });
  const alertChannels = channels.map(({ name }) => name);
  const watch = createAlertWatch({
    ...{ queries, projections, store, sender, clock, log, channels: alertChannels },
  });
  const schedule = createScheduleWatch({ sender, clock, log, text });
  const reporting = { ...deps, channels: alertChannels, ...text };
  const supervisor = createSupervisor({
    ...{ ...deps, isScheduled, timeoutMs: crawlTimeoutMs, timeZone: text.timeZone },
    sources: [...deps.sources, dailyReportJob({ ...reporting, sender }, { at: reportAt })],
    ...{ leases: createLeases(database, clock), seen: createSeenTimes(database) },
    retry: { ...DEFAULT_RETRY, delayMs: crawlRetryDelayMs },
    onEnded: watch.ended,
    // Where nothing is to start by itself, nothing is missed.
    onTick: (problem) => isScheduled ? schedule.ticked(problem) : undefined,
  });
  const waiting = () =>
    Object.values(sender.undelivered()).reduce((sum, letters) => sum + letters.length, 0);
  return {
    supervisor,
    alertChannels,
    waiting,
    async tick() {
      await supervisor.tick();
      await watch.tick();
    },
    dailyReport: (date) => findDailyReport(reporting, date),
    async close() {
      await Promise.all([watch.settled(), schedule.settled()]);
      // A command that ends gives what it has to tell a moment to go out.
      for (let waitedMs = 0; waitedMs < FAREWELL_MS && waiting() > 0; waitedMs += LOOK_MS) {
        await clock.sleep(LOOK_MS);
      }
      await sender.close();
      for (const channel of channels) channel.close();
    },
  };
}
