import { z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import { type CrawlerRunView, RUN_STATUSES } from "@/projections/crawler_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import { runWire, toRunWire } from "./crawler_run_wire.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { type AppContext, success } from "./envelope.ts";
import { answerFile } from "./lake_file.ts";
import { binaryBody } from "./media.ts";
import { pageParams, paginationOf } from "./pages.ts";
import { countParam, timeParam } from "./params.ts";

type Deps = Pick<AppDeps, "crawlerQueries" | "blobRanges">;

const text = (longest: number, description: string) =>
  z.string().min(1).max(longest).optional().openapi({ description });

/** What `GET /admin/crawler/logs` understands. */
export const logsQuery = z.strictObject({
  source: text(200, "One crawler."),
  status: z.enum(RUN_STATUSES).optional(),
  from: timeParam("Runs that began then or later.").optional(),
  to: timeParam("Runs that began before this.").optional(),
  q: text(200, "Text in the run's id, its source, error class, error message or HTTP status."),
  ...pageParams({ byDefault: 20, max: 100 }),
}).refine(({ from, to }) => from === undefined || to === undefined || from < to, {
  path: ["to"],
  message: "expected a time after from",
});

const params = { id: "Id of a run" };

/** The log of crawlers: runs, their attempts, and what was answered when they failed. */
export function addCrawlerRunRoutes(router: Router, deps: Deps): void {
  const { crawlerQueries } = deps;
  const admin = { method: "get", access: "admin", tag: "Crawlers", body: undefined } as const;

  endpoint(router, {
    ...{ ...admin, path: "/admin/crawler/logs", query: logsQuery },
    summary: "Runs of crawlers",
    answer: {
      ...{ status: 200, description: "The newest first", data: z.array(runWire) },
      paginated: true,
    },
  }, async (c, { query }) => {
    const { runs, total } = await crawlerQueries.findRuns(query);
    return success(c, runs.map(toRunWire), { pagination: paginationOf(query, total) });
  });

  endpoint(router, {
    ...{ ...admin, path: "/admin/crawler/runs/{id}", query: z.strictObject({}), params },
    summary: "A run with every attempt",
    answer: { status: 200, description: "The run", data: runWire },
  }, async (c) => success(c, toRunWire(await getRun(deps, c.req.param("id") ?? ""))));

  endpoint(router, {
    ...{ ...admin, path: "/admin/crawler/runs/{id}/response", query: responseQuery, params },
    summary: "What a site answered when an attempt failed, byte for byte",
    description: "Foreign content: it comes as a file and is never shown. Cut to 1 MB, secrets " +
      "removed. HEAD, Range and If-None-Match as in RFC 9110.",
    failures: [416],
    answer: {
      status: 200,
      description: "The answer",
      types: { "application/octet-stream": binaryBody("As the site sent it") },
    },
  }, (c, { query }) => answerResponse(deps, c, query.attempt));
}

export const responseQuery = z.strictObject({
  attempt: countParam({
    ...{ min: 1, max: 1_000 },
    description: "Number of the attempt; the last one whose answer was kept when left out.",
  }).optional(),
});

/** Refusal `not_found`. */
export async function getRun(
  { crawlerQueries }: Pick<Deps, "crawlerQueries">,
  runId: string,
): Promise<CrawlerRunView> {
  // PostgreSQL knows no U+0000: no run has such an id.
  const run = runId.includes("\0") ? undefined : await crawlerQueries.findRun(runId);
  if (run !== undefined) return run;
  throw new Refusal("not_found", `Cannot find run ${runId}: /admin/crawler/logs lists the runs`);
}

/** Answers the kept answer of an attempt of the run in the path. */
export async function answerResponse(
  deps: Deps,
  c: AppContext,
  wanted: number | undefined,
): Promise<Response> {
  const { runId, attempts } = await getRun(deps, c.req.param("id") ?? "");
  const kept = attempts.findLast(({ attempt, response }) =>
    response !== null && (wanted === undefined || attempt === wanted)
  );
  if (kept === undefined || kept.response === null) {
    const which = wanted === undefined ? "any attempt" : `attempt ${wanted}`;
    throw new Refusal("not_found", `Cannot find an answer of ${which}: none was kept`);
  }
  const { sha256, sizeBytes } = kept.response;
  const name = `${runId.replaceAll(/[^\w.-]/g, "_").slice(0, 100)}.${kept.attempt}.bin`;
  return await answerFile(c, {
    ...{ type: "application/octet-stream", sizeBytes, sha256, isPrivate: true },
    headers: {
      "content-disposition": `attachment; filename="${name}"`,
      "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
      "cross-origin-resource-policy": "same-origin",
    },
    open: (from, to) => deps.blobRanges.open(sha256, from, to),
  });
}
