import { z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import { CRAWLER_MODELS } from "@/projections/crawler_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import { healthWire, readHealth, toHealthWire } from "./crawler_health.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { type AppContext, success } from "./envelope.ts";
import { claimKey, identifyWrite, type WriteIdentity } from "./idempotency.ts";
import { nearest } from "./nearest.ts";
import { startRun } from "./start_run.ts";
import { readVenues, toVenuesWire, venuesWire } from "./venue_standings.ts";
import { writeMeta, writeMetaWire } from "./write_meta.ts";

type Deps = Pick<
  AppDeps,
  | ("crawlers" | "crawlerQueries" | "exchangeStandings" | "store" | "projections")
  | ("clock" | "settings")
>;

const noQuery = z.strictObject({});
/** None, or an object without fields: they are the same request, also under a key. */
const emptyBody = z.strictObject({});
const params = { name: "Name of a crawler, e.g. `openvlab`" };

const pauseBody = z.strictObject({
  reason: z.string().max(500).nullish().openapi({ description: "For those who look later." }),
});

/** How crawlers are, and what an operator does to them. */
export function addCrawlerRoutes(router: Router, deps: Deps): void {
  const { crawlers, store } = deps;
  const admin = { access: "admin", tag: "Crawlers", query: noQuery } as const;

  endpoint(router, {
    ...{ method: "get", path: "/admin/crawler/health", ...admin, body: undefined },
    summary: "How every crawler is",
    answer: {
      ...{ status: 200, description: "Also of those that never ran", data: z.array(healthWire) },
      meta: venuesWire,
    },
  }, async (c) => {
    const [health, venues] = await Promise.all([readHealth(deps), readVenues(deps)]);
    return success(c, health.map(toHealthWire), { meta: { venues: toVenuesWire(venues) } });
  });

  endpoint(router, {
    ...{ method: "post", path: "/admin/crawler/{name}/run", ...admin, body: emptyBody },
    ...{ params, optionalBody: true, keyed: true, failures: [409] },
    summary: "Start a run now, also of a crawler that is paused",
    description: "409 with the `run_id` of the run that goes on in `details`; 503 where settings " +
      "are missing. The same Idempotency-Key again answers the run that it has started, also after " +
      "a restart.",
    answer: {
      status: 202,
      description:
        "The run; `job_id` shows its progress, and is null of one that was started before",
      data: z.object({ run_id: z.string(), job_id: z.string().nullable() }),
    },
  }, async (c) => {
    const name = knownName(deps, c);
    const identity = identifyWrite(c, { body: "", ...deps.settings });
    await claimKey(store, identity);
    const { runId, jobId } = await startRun(
      store,
      identity,
      () => crawlers.run(name, doerOf(identity)),
    );
    return success(c, { run_id: runId, job_id: jobId }, { status: 202 });
  });

  endpoint(router, {
    ...{ method: "post", path: "/admin/crawler/{name}/pause", ...admin, body: pauseBody },
    ...{ params, optionalBody: true, keyed: true, failures: [409] },
    summary: "Let its schedule start nothing until it is resumed",
    description: "A run that goes on ends; by hand it can still be started.",
    answer: { status: 200, description: "How it is now", data: healthWire, meta: writeMetaWire },
  }, async (c, { body }) => {
    const name = knownName(deps, c);
    const identity = identifyWrite(c, { body: JSON.stringify(body), ...deps.settings });
    await claimKey(store, identity);
    await crawlers.pause(name, { ...doerOf(identity), reason: body.reason ?? "" });
    return await healthNow(deps, c, name);
  });

  endpoint(router, {
    ...{ method: "post", path: "/admin/crawler/{name}/resume", ...admin, body: emptyBody },
    ...{ params, optionalBody: true, keyed: true, failures: [409] },
    summary: "Let its schedule start runs again",
    answer: { status: 200, description: "How it is now", data: healthWire, meta: writeMetaWire },
  }, async (c) => {
    const name = knownName(deps, c);
    const identity = identifyWrite(c, { body: "", ...deps.settings });
    await claimKey(store, identity);
    await crawlers.resume(name, doerOf(identity));
    return await healthNow(deps, c, name);
  });
}

function doerOf({ actor, commandId }: WriteIdentity) {
  return { actor, commandId };
}

/** The crawler of the path. Refusal `not_found` with near matches. */
function knownName({ crawlers }: Deps, c: AppContext): string {
  const name = c.req.param("name") ?? "";
  const all = crawlers.list();
  if (all.some((one) => one.name === name)) return name;
  const near = nearest(all, name, (one) => one.name);
  throw new Refusal("not_found", `Cannot find crawler ${name}: /admin/crawler/health lists them`, {
    details: near.map((one) => ({ field: "name", message: `${one.name} is a crawler` })),
  });
}

/** The crawler's row once the read models have come to what was just decided. */
async function healthNow(deps: Deps, c: AppContext, name: string): Promise<Response> {
  const position = await deps.store.head();
  const visible = await deps.projections.waitFor(position, undefined, CRAWLER_MODELS);
  const row = (await readHealth(deps)).find((one) => one.name === name);
  if (row === undefined) throw new Error(`crawler ${name} is gone from the list`);
  return success(c, toHealthWire(row), { meta: writeMeta({ position, visible }) });
}
