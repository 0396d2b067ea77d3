import { z } from "@hono/zod-openapi";
import { DEFAULT_OUTBOX } from "@/domain/alerts/outbox.ts";
import { isFor } from "@/domain/alerts/owed.ts";
import type { AlertDelivery } from "@/projections/crawler_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { success } from "./envelope.ts";
import { isoTime } from "./iso_time.ts";
import { pageParams, paginationOf } from "./pages.ts";

type Deps = Pick<AppDeps, "crawlerQueries" | "alertChannels" | "clock">;

const time = z.iso.datetime();
const count = z.int().min(0);

const alertWire = z.object({
  alert_id: z.string(),
  kind: z.enum(["failure", "digest", "recovery", "report"]),
  source: z.string(),
  raised_at: time,
  failures: z.array(z.object({
    ...{ run_id: z.string(), status: z.enum(["failed", "timed_out", "crashed"]) },
    ...{ finished_at: time, attempts: z.int().min(1), error_class: z.string() },
    ...{ error_message: z.string(), http_status: z.int().nullable() },
  })).openapi({ description: "The oldest first." }),
  failing: z.object({ since: time, runs: count }).nullable(),
  recovery: z.object({ run_id: z.string(), at: time }).nullable(),
  text: z.object({ title: z.string(), markdown: z.string() }).nullable().openapi({
    description: "Of a report.",
  }),
  deliveries: z.array(z.object({
    channel: z.string(),
    status: z.enum(["waiting", "failing", "sent", "given_up"]).openapi({
      description: "`waiting`: nothing is known of a try yet. `given_up`: the channel refused it " +
        "eight times while it took others, or took nothing for a week.",
    }),
    at: time.nullable(),
    attempt: count.openapi({ description: "How often it was tried, as far as recorded." }),
    error: z.string().nullable(),
    retry_at: time.nullable(),
  })).openapi({
    description: "A row for each channel of the settings that was there when it was raised.",
  }),
}).openapi("Alert");

const alertsQuery = z.strictObject({
  undelivered: z.enum(["true"]).prefault("true").openapi({
    description: "Alerts that some channel has yet to take, and those of the last two weeks that " +
      "were given up; others are in the log of events.",
    default: "true",
  }),
  ...pageParams({ byDefault: 20, max: 100 }),
});

/** What was given up is shown for as long as it would have been tried, and then as long again. */
const SHOWN_MS = 2 * DEFAULT_OUTBOX.longestMs;

/** What some channel has yet to take, and what was given up lately; the oldest first. */
export async function readAlerts(
  { crawlerQueries, alertChannels, clock }: Pick<
    Deps,
    "crawlerQueries" | "alertChannels" | "clock"
  >,
): Promise<readonly AlertDelivery[]> {
  const since = clock.now() - SHOWN_MS;
  const found = await Promise.all([
    crawlerQueries.undelivered(alertChannels, since),
    crawlerQueries.givenUp(alertChannels, since),
  ]);
  const byId = new Map(found.flat().map((one) => [one.alert.alertId, one]));
  return [...byId.values()].toSorted((a, b) => a.alert.raisedAt - b.alert.raisedAt);
}

/** `GET /admin/crawler/alerts`: what people should have been told and were not. */
export function addCrawlerAlertRoutes(
  router: Router,
  deps: Deps,
): void {
  const { alertChannels } = deps;
  endpoint(router, {
    ...{ method: "get", path: "/admin/crawler/alerts", access: "admin", tag: "Crawlers" },
    summary: "Alerts that some channel has not taken",
    ...{ query: alertsQuery, body: undefined },
    answer: {
      ...{ status: 200, description: "The oldest first", data: z.array(alertWire) },
      paginated: true,
    },
  }, async (c, { query }) => {
    const all = await readAlerts(deps);
    const first = (query.page - 1) * query.size;
    const shown = all.slice(first, first + query.size);
    return success(c, shown.map((one) => toAlertWire(one, alertChannels)), {
      pagination: paginationOf(query, all.length),
    });
  });
}

function toAlertWire(
  { alert, deliveries }: AlertDelivery,
  channels: readonly string[],
): z.infer<typeof alertWire> {
  const { failing, recovery } = alert;
  return {
    ...{ alert_id: alert.alertId, kind: alert.kind, source: alert.source },
    raised_at: new Date(alert.raisedAt).toISOString(),
    failures: alert.failures.map(({ runId, status, finishedAt, attempts, ...error }) => ({
      ...{ run_id: runId, status, finished_at: new Date(finishedAt).toISOString(), attempts },
      ...{ error_class: error.errorClass, error_message: error.errorMessage },
      http_status: error.httpStatus,
    })),
    failing: failing && { since: new Date(failing.since).toISOString(), runs: failing.runs },
    recovery: recovery && { run_id: recovery.runId, at: new Date(recovery.at).toISOString() },
    text: alert.text,
    deliveries: channels.filter((channel) => isFor(alert, channel)).map((channel) => {
      const one = Object.hasOwn(deliveries, channel) ? deliveries[channel] : undefined;
      const { status = "waiting", at, attempt = 0, error = null, retryAt } = one ?? {};
      return { channel, status, at: isoTime(at), attempt, error, retry_at: isoTime(retryAt) };
    }),
  };
}
