import {
  CALENDAR_TO,
  calendarDaysLeft,
  isTradedAt,
  isTradingDay,
  previousTradingDay,
  shanghaiDate,
  tradingDayAt,
} from "@/domain/klines/trading_calendar.ts";
import { partsFailed } from "@/domain/crawlers/failed_parts.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { FailedPart, MarketSource, SourceAnswer } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import type { ReportQueries } from "@/projections/report_queries.ts";
import type { Job } from "../job.ts";
import { databaseErrorIn } from "@/events/store/database.ts";
import { refuseBroken } from "./refuse_broken.ts";
import { recordAnswer, type RecordDeps } from "./record_answer.ts";

export interface MarketJobsDeps extends RecordDeps {
  readonly clock: Clock;
  readonly reports: Pick<ReportQueries, "heldOf" | "heldOn" | "hasValue" | "newestDailies">;
  readonly sources: ReadonlyMap<SourceName, MarketSource>;
  readonly schedules: Readonly<Record<SourceName, string>>;
  /** Sources of one group take turns; those without run at once. */
  readonly groups?: Readonly<Partial<Record<SourceName, string>>> | undefined;
  readonly log?: Pick<Log, "warn"> | undefined;
  /** Longest attempt. */
  readonly timeoutMs?: number | undefined;
}

const TIMEOUT_MS = 300_000;
/** The rest of an attempt is for its last request and for keeping what was answered. */
const ASKING = 0.85;

/** The sources of the futures desk as the supervisor runs them: on trading days alone. */
export function marketJobs(
  { sources, schedules, groups = {}, timeoutMs = TIMEOUT_MS, log, ...deps }: MarketJobsDeps,
): readonly Job[] {
  return [...sources.values()].map((source): Job => {
    const { name, missing } = source;
    return {
      // Markets open by the clock of Shanghai, wherever the service stands.
      ...{ name, missing, schedule: schedules[name], timeZone: "Asia/Shanghai" },
      group: groups[name],
      isDue: (at) => name === "openvlab" ? isTradedAt(at) : isTradingDay(shanghaiDate(at)),
      async run({ runId, at, signal, progress }) {
        const askedAt = deps.clock.now();
        const daysLeft = calendarDaysLeft(askedAt);
        // Once a day.
        if (daysLeft !== undefined && name === "sina") {
          log?.warn("the trading calendar ends: upgrade, or holidays count as trading days", {
            ...{ calendarTo: CALENDAR_TO, daysLeft },
          });
        }
        const until = askedAt + ASKING * timeoutMs;
        const date = dateOf(name, at);
        const fetched = await source.fetch({
          ...{ date, signal, until, progress },
          heldDailies: await deps.reports.newestDailies(name).catch(unlessAway),
        });
        signal.throwIfAborted();
        const held = await deps.reports.heldOf(name);
        const answer = { ...fetched, failures: await failuresOf(fetched, deps.reports) };
        const sound = refuseBroken(name, answer, { date, held });
        const report = await recordAnswer(deps, sound, { source: name, runId, signal, askedAt });
        if (sound.failures.length > 0) {
          const { rows, bytes } = report;
          throw partsFailed(name, sound.failures, { rows, bytes });
        }
        return report;
      },
    };
  });
}

/** The trading day that a crawl at an instant (epoch ms) is about. */
function dateOf(name: SourceName, at: number): string {
  // Quotes of an evening are the next day's; pages are published on the day itself.
  if (name === "openvlab") return tradingDayAt(at);
  const date = shanghaiDate(at);
  return isTradingDay(date) ? date : previousTradingDay(date) ?? date;
}

/** It only spares requests: whether the site answers shows also while the database is away. */
function unlessAway(error: unknown): undefined {
  if (databaseErrorIn(error) === undefined) throw error;
}

/** Without the parts that the site does not have and never had. */
async function failuresOf(
  { failures, rows: [row] }: SourceAnswer,
  { hasValue }: Pick<ReportQueries, "hasValue">,
): Promise<readonly FailedPart[]> {
  const counted: FailedPart[] = [];
  for (const failure of failures) {
    const { unlessHeld, error: { source } } = failure;
    const isNew = row !== undefined && unlessHeld !== undefined &&
      !await hasValue(source, unlessHeld);
    if (!isNew) counted.push(failure);
  }
  return counted;
}
