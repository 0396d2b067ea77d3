import { z } from "@hono/zod-openapi";
import { admits, type Breaker } from "@/domain/crawlers/breaker.ts";
import type { CrawlerInfo } from "@/domain/ports/crawlers.ts";
import type { RunStatus, SourceRecord } from "@/projections/crawler_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import { isoTime } from "./iso_time.ts";

type Deps = Pick<AppDeps, "crawlers" | "crawlerQueries" | "clock">;

export const CRAWLER_STATES = ["ok", "failing", "paused", "not_configured"] as const;
export const BREAKER_STATES = ["closed", "open", "half_open"] as const;

/** How a crawler is. Times are epoch ms. */
export interface CrawlerHealth extends CrawlerInfo {
  readonly state: typeof CRAWLER_STATES[number];
  readonly breaker: typeof BREAKER_STATES[number];
  /** When the breaker lets a run through again; null while it is closed. */
  readonly breakerUntil: number | null;
  /** Undefined for one that never ran. */
  readonly record: SourceRecord | undefined;
  readonly paused: { readonly reason: string; readonly since: number } | undefined;
  /** Id of the run that goes on. */
  readonly running: string | null;
  /** Null where its schedule starts nothing. */
  readonly nextRunAt: number | null;
}

const FAILED: readonly (RunStatus | null | undefined)[] = ["failed", "timed_out", "crashed"];

/** Every crawler, in the order of its list. */
export async function readHealth(
  { crawlers, crawlerQueries, clock }: Deps,
): Promise<readonly CrawlerHealth[]> {
  const now = clock.now();
  const [records, breakers, paused, open] = await Promise.all([
    ...[crawlerQueries.records(now), crawlerQueries.breakers()] as const,
    ...[crawlerQueries.paused(), crawlerQueries.openRuns()] as const,
  ]);
  const recordOf = new Map(records.map((record) => [record.source, record]));
  return crawlers.list().map((info) => {
    const record = recordOf.get(info.name);
    const pause = paused.get(info.name);
    // Its own are one an exchange; none of the supervisor's is in its way.
    const breaker = info.ownBreakers ? undefined : breakers.get(info.venue);
    const state = stateOf(info, { record, paused: pause !== undefined });
    const starts = state === "ok" || state === "failing";
    return {
      ...{ ...info, state, record, paused: pause },
      ...{ breaker: breakerState(breaker, now), breakerUntil: breakerUntil(breaker) },
      running: open.find(({ source }) => source === info.name)?.runId ?? null,
      nextRunAt: starts ? crawlers.nextRunAt(info.name) ?? null : null,
    };
  });
}

/** What keeps it from running goes before how its last run ended. */
function stateOf(
  { missing }: CrawlerInfo,
  { record, paused }: { record: SourceRecord | undefined; paused: boolean },
): CrawlerHealth["state"] {
  if (missing.length > 0) return "not_configured";
  if (paused) return "paused";
  return FAILED.includes(record?.lastStatus) ? "failing" : "ok";
}

/** An open one whose time is over lets the next run through as its probe: that is half open. */
export function breakerState(
  breaker: Breaker | undefined,
  now: number,
): CrawlerHealth["breaker"] {
  if (breaker === undefined) return "closed";
  return breaker.status === "open" && admits(breaker, now) ? "half_open" : breaker.status;
}

export function breakerUntil(breaker: Breaker | undefined): number | null {
  return breaker === undefined || breaker.status === "closed" ? null : breaker.until;
}

const time = z.iso.datetime().nullable();
const rate = z.number().min(0).max(1).nullable();

export const healthWire = z.object({
  source: z.string().openapi({ example: "openvlab" }),
  state: z.enum(CRAWLER_STATES).openapi({
    description: "`failing`: its last run that was not skipped failed, timed out or crashed.",
  }),
  breaker: z.enum(BREAKER_STATES).openapi({
    description: "Of the venue. `half_open`: the next run, or the one that goes on, is a probe.",
  }),
  last_success_at: time,
  last_failure_at: time,
  success_rate_24h: rate.openapi({ description: "Of the runs that ended; null without any." }),
  success_rate_7d: rate,
  mean_duration_ms: z.number().nullable().openapi({
    description: "Of the attempts that succeeded within 7 days.",
  }),
  next_run_at: time.openapi({ description: "Null where its schedule starts nothing." }),
  venue: z.string().openapi({ description: "Whom the breaker is for." }),
  schedule: z.string().openapi({ example: "0 18 * * *" }),
  time_zone: z.string().openapi({
    ...{ example: "Asia/Shanghai", description: "Of the schedule." },
  }),
  missing: z.array(z.string()).openapi({ description: "Settings without which it cannot run." }),
  breaker_until: time,
  last_run_at: time,
  last_error: z.object({ error_class: z.string(), error_message: z.string() }).nullable(),
  paused_reason: z.string().nullable(),
  paused_at: time,
  running: z.string().nullable().openapi({ description: "`run_id` of the run that goes on." }),
}).openapi("CrawlerHealth");

export function toHealthWire(health: CrawlerHealth): z.infer<typeof healthWire> {
  const { record, paused } = health;
  const error = record?.lastError ?? null;
  return {
    ...{ source: health.name, state: health.state, breaker: health.breaker },
    last_success_at: isoTime(record?.lastSuccessAt),
    last_failure_at: isoTime(record?.lastFailureAt),
    success_rate_24h: record?.successRate24h ?? null,
    success_rate_7d: record?.successRate7d ?? null,
    mean_duration_ms: record?.meanDurationMs ?? null,
    next_run_at: isoTime(health.nextRunAt),
    ...{ venue: health.venue, schedule: health.schedule, time_zone: health.timeZone },
    missing: [...health.missing],
    breaker_until: isoTime(health.breakerUntil),
    last_run_at: isoTime(record?.lastRunAt),
    last_error: error &&
      { error_class: error.errorClass, error_message: error.errorMessage },
    paused_reason: paused?.reason ?? null,
    paused_at: isoTime(paused?.since),
    running: health.running,
  };
}
