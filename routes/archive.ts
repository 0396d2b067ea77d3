import { z } from "@hono/zod-openapi";
import { trusted } from "@/events/trust.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { success } from "./envelope.ts";
import { claimKey, identifyWrite } from "./idempotency.ts";
import { timeField } from "./params.ts";
import { findSeries, type SeriesDirectory } from "./series_directory.ts";
import { createStartOnce } from "./start_once.ts";
import { startRun } from "./start_run.ts";
import { toWire } from "./wire.ts";

type Deps = Pick<AppDeps, "archive" | "settings" | "store"> & {
  readonly directory: SeriesDirectory;
};

const count = z.int().min(0);
const time = z.iso.datetime();

const done = {
  periods_filed: count,
  rows_filed: count,
  bytes_before: count.openapi({ description: "Bytes that the filed candles took as rows." }),
  bytes_after: count.openapi({ description: "Bytes that they take as files." }),
  rows_dropped: count,
  bytes_compacted: count.openapi({
    description: "Bytes of batches and replaced files that are needed no more.",
  }),
  blobs_deleted: count,
  bytes_freed: count,
};
const wanted = { periods_to_file: count, rows_to_file: count, rows_to_drop: count };

const runWire = z.object({
  run_id: z.string(),
  status: z.enum(["running", "succeeded", "failed", "stopped"]).openapi({
    description: "`running` with an old `heard_at`: it was killed, and the next one goes on.",
  }),
  actor: z.string(),
  started_at: time,
  heard_at: time,
  ...wanted,
  ...done,
  problems: z.array(z.object({
    series_id: z.string(),
    period: z.string(),
    step: z.string(),
    message: z.string(),
  })).openapi({ description: "The first 100. Nothing of it was lost." }),
  problems_total: count,
}).openapi("ArchiveRun");

const archiveWire = z.object({
  next_at: time.nullable().openapi({ description: "Null where `CRON` is off." }),
  hot_days: count,
  keep_replaced_days: count,
  waiting: z.object(wanted),
  totals: z.object({
    filed_periods: count,
    filed_candles: count,
    file_bytes: count,
    hot_rows: count,
  }),
  damaged: z.array(z.object({
    series_id: z.string(),
    period: z.string(),
    message: z.string(),
    found_at: time,
  })).openapi({
    description: "Files that cannot be read and could not be made again: restore their blobs.",
  }),
  running: z.object({
    job_id: z.string().nullable().openapi({
      description: "Null where another instance runs it: what is shown is as old as its last word.",
    }),
    started_at: time,
    label: z.string(),
    unit: z.string(),
    done: count,
    total: count.nullable(),
    per_second: z.number(),
    eta_ms: count.nullable(),
  }).nullable(),
  runs: z.array(runWire),
}).openapi("Archive");

const runBody = z.strictObject({
  series: z.union([z.string(), z.array(z.string()).min(1)]).nullish().openapi({
    description: "Ids or `exchange:SYMBOL:interval`; every series when left out.",
    example: "binance:BTC/USDT:1m",
  }),
  before: timeField("Only periods that end before this.").nullish(),
  dry_run: z.boolean().prefault(false).openapi({
    description: "The job's result only tells what would be done.",
  }),
});

const started = z.object({
  job_id: z.string().nullable().openapi({
    description: "Shows its progress; null of a run that the same key started before a restart.",
  }),
  run_id: z.string().nullable().openapi({
    description: "The run in `GET /admin/archive` and `GET /admin/crawler/runs/{id}`; null with " +
      "`dry_run`.",
  }),
});

/** What lies in files, what waits for one, and the runs that move it. */
export function addArchiveRoutes(router: Router, deps: Deps): void {
  const { archive, directory, settings, store } = deps;
  const startOnce = createStartOnce<string | null>();
  const admin = { access: "admin", tag: "Admin", query: z.strictObject({}) } as const;

  endpoint(router, {
    ...{ method: "get", path: "/admin/archive", ...admin, body: undefined },
    summary: "What lies in files, what waits for one, and the last runs",
    answer: { status: 200, description: "The newest run first", data: archiveWire },
  }, async (c) => {
    const { nextAt: due, running, ...rest } = await archive.overview();
    const nextAt = settings.scheduled === false ? null : due ?? null;
    const { total = null, etaMs = null } = running ?? {};
    const shown = { nextAt, running: running === undefined ? null : { ...running, total, etaMs } };
    return success(c, trusted<z.infer<typeof archiveWire>>(toWire({ ...rest, ...shown })));
  });

  endpoint(router, {
    ...{ method: "post", path: "/admin/archive/run", ...admin, body: runBody, optionalBody: true },
    ...{ keyed: true, failures: [404, 409] },
    summary: "File what has ended and drop rows that are old enough, now",
    description:
      "409 while a run goes on, on whichever instance. A run that was stopped or killed is gone on " +
      "with by the next. The same Idempotency-Key again answers what it has started, a run also " +
      "after a restart.",
    answer: { status: 202, description: "The job that does it", data: started },
  }, async (c, { body }) => {
    const views = await directory.list();
    const named = typeof body.series === "string" ? [body.series] : body.series ?? [];
    const series = named.map((text) => {
      const { exchange, symbol, interval } = findSeries(views, text);
      return { exchange, symbol, interval };
    });
    const identity = identifyWrite(c, { body: JSON.stringify(body), ...settings });
    await claimKey(store, identity);
    const { actor, commandId } = identity;
    const { before, dry_run: dryRun } = body;
    const wish = { series, before: before ?? undefined, dryRun, actor, commandId };
    const run = async () => ({ runId: commandId, jobId: (await archive.start(wish)).jobId });
    const job_id = await startOnce(identity, async () => {
      const { jobId: id } = dryRun ? await run() : await startRun(store, identity, run);
      return { id };
    });
    return success(c, { job_id, run_id: dryRun ? null : commandId }, { status: 202 });
  });
}
