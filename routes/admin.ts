import { z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import type { JobStatus } from "@/domain/ports/jobs.ts";
import { trusted } from "@/events/trust.ts";
import type { AppDeps } from "./app_deps.ts";
import { crawlableSeries } from "./crawlable_series.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { type AppContext, success } from "./envelope.ts";
import { identifyWrite } from "./idempotency.ts";
import { openTimeField } from "./params.ts";
import type { SeriesDirectory } from "./series_directory.ts";
import { createStartOnce } from "./start_once.ts";
import { toWire } from "./wire.ts";

type Deps =
  & Pick<AppDeps, "projections" | "jobs" | "startCrawl" | "startRebuild">
  & Pick<AppDeps, "venues" | "settings" | "signal">
  & {
    readonly directory: SeriesDirectory;
  };

const noQuery = z.strictObject({});
const started = z.object({ job_id: z.string() });

const ONE_AT_A_TIME = "One at a time: 409 with the id of the job that runs in `details`. An " +
  "Idempotency-Key is known until the service restarts, as jobs are.";

const projectionWire = z.object({
  name: z.string(),
  version: z.int(),
  status: z.enum(["live", "behind", "rebuilding", "failed"]),
  position: z.int(),
  lag: z.int().openapi({ description: "Events behind the log's head." }),
  progress: z.number().nullable().openapi({ description: "0…1 while it is rebuilt." }),
  last_error: z.string().nullable(),
}).openapi("Projection");

const jobWire = z.object({
  id: z.string(),
  name: z.string(),
  key: z.string(),
  status: z.enum(["running", "succeeded", "failed", "stopped"]),
  started_at: z.iso.datetime(),
  finished_at: z.iso.datetime().nullable(),
  label: z.string(),
  unit: z.string(),
  done: z.number(),
  total: z.number().nullable(),
  result: z.record(z.string(), z.unknown()).nullable(),
  error: z.string().nullable(),
}).openapi("Job");

const crawlBody = z.strictObject({
  series: z.string().openapi({ example: "binance:BTC/USDT:1m" }),
  since: openTimeField("First open time, inclusive.").nullish(),
  until: openTimeField("Open times before this.").nullish(),
  refetch: z.boolean().prefault(false)
    .openapi({ description: "Ask again for what is held." }),
}).refine(
  ({ since, until }) => typeof since !== "number" || typeof until !== "number" || since < until,
  {
    path: ["until"],
    message: "expected a time after since",
  },
);

/** What an operator sees and starts: read models, crawls, and the jobs that run. */
export function addAdminRoutes(router: Router, deps: Deps): void {
  const { projections, jobs } = deps;
  const startOnce = createStartOnce();
  const admin = { access: "admin", tag: "Admin", query: noQuery } as const;

  endpoint(router, {
    ...{ method: "get", path: "/admin/projections", ...admin, body: undefined },
    summary: "Read models and how far they are",
    answer: { status: 200, description: "By name", data: z.array(projectionWire) },
  }, async (c) => {
    const all = await projections.status();
    return success(
      c,
      all.map(({ progress = null, lastError = null, ...rest }) => ({
        ...rest,
        progress,
        last_error: lastError,
      })),
    );
  });

  endpoint(
    router,
    {
      ...{ method: "post", path: "/admin/projections/{name}/rebuild", ...admin },
      ...{ body: z.strictObject({}), optionalBody: true },
      params: { name: "Name of a read model" },
      summary: "Make a read model anew from the log, while it goes on serving",
      ...{ description: ONE_AT_A_TIME, keyed: true, failures: [409] },
      answer: { status: 202, description: "The job that does it", data: started },
    },
    async (c) => {
      const identity = identifyWrite(c, { body: "", ...deps.settings });
      const job_id = await startOnce(
        identity,
        () => deps.startRebuild(c.req.param("name") ?? ""),
      );
      return success(c, { job_id }, { status: 202 });
    },
  );

  endpoint(router, {
    ...{ method: "post", path: "/admin/crawl", ...admin, body: crawlBody },
    summary: "Fetch what is missing of a series, also of one that is not held yet",
    ...{ description: ONE_AT_A_TIME, keyed: true, failures: [404, 409] },
    answer: { status: 202, description: "The job that does it", data: started },
  }, async (c, { body }) => {
    const identity = identifyWrite(c, { body: JSON.stringify(body), ...deps.settings });
    const job_id = await startOnce(identity, async () =>
      deps.startCrawl({
        series: await crawlableSeries(deps, body.series),
        since: body.since ?? undefined,
        until: body.until ?? undefined,
        refetch: body.refetch,
        actor: identity.actor,
      }));
    return success(c, { job_id }, { status: 202 });
  });

  endpoint(router, {
    ...{ method: "get", path: "/admin/jobs", ...admin, body: undefined },
    summary: "Jobs that run and the last that ended",
    answer: { status: 200, description: "The newest first", data: z.array(jobWire) },
  }, (c) => {
    const newestFirst = jobs.list().toReversed().toSorted((a, b) =>
      b.startedAt.getTime() - a.startedAt.getTime()
    );
    return success(c, newestFirst.map(toJobWire));
  });

  endpoint(router, {
    ...{ method: "get", path: "/admin/jobs/{id}", ...admin, body: undefined },
    params: { id: "Id of a job" },
    summary: "A job and how far it is",
    answer: { status: 200, description: "The job", data: jobWire },
  }, (c) => success(c, toJobWire(getJob(c))));

  endpoint(router, {
    ...{ method: "delete", path: "/admin/jobs/{id}", ...admin, body: undefined },
    params: { id: "Id of a job" },
    summary: "Stop a job; a rerun goes on where it stopped",
    description: "A job that has ended stays as it is.",
    answer: { status: 202, description: "The job as it is now", data: jobWire },
  }, (c) => {
    const job = getJob(c);
    jobs.stop(job.id);
    return success(c, toJobWire(jobs.find(job.id) ?? job), { status: 202 });
  });

  function getJob(c: AppContext): JobStatus {
    const id = c.req.param("id") ?? "";
    const job = jobs.find(id);
    if (job !== undefined) return job;
    throw new Refusal("not_found", `Cannot find job ${id}: jobs are remembered until a restart`);
  }
}

function toJobWire(job: JobStatus): z.infer<typeof jobWire> {
  return {
    ...{ id: job.id, name: job.name, key: job.key, status: job.status },
    started_at: job.startedAt.toISOString(),
    finished_at: job.finishedAt?.toISOString() ?? null,
    ...{ label: job.label, unit: job.unit, done: job.done, total: job.total ?? null },
    result: job.result === undefined ? null : trusted<Record<string, unknown>>(toWire(job.result)),
    error: job.error ?? null,
  };
}
