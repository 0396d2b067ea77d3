import { z } from "@hono/zod-openapi";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { failure, success } from "./envelope.ts";
import { rememberBriefly } from "./remember_briefly.ts";
import type { SeriesDirectory } from "./series_directory.ts";

type Deps =
  & { readonly archive: Pick<AppDeps["archive"], "damaged"> }
  & Pick<AppDeps, "store" | "projections" | "freeBytes" | "clock" | "settings" | "signal">
  & { readonly directory: Pick<SeriesDirectory, "list"> };

interface Check {
  readonly ok: boolean;
  readonly message?: string;
}

/** The database stops taking writes below this. */
const LEAST_FREE_BYTES = 512 * 1024 * 1024;

/** A part that says nothing for so long counts as down. */
const PATIENCE_MS = 2_000;

/** The route is open to everybody, and an embedded database has one connection. */
const REMEMBERED_MS = 1_000;

const noQuery = z.strictObject({});

const about = {
  version: z.string(),
  simulated: z.boolean().openapi({ description: "Its candles are made up." }),
};
const liveWire = z.object({ status: z.literal("live"), ...about });
const readyWire = z.object({
  status: z.enum(["ready", "degraded"]).openapi({
    description: "`degraded`: it serves, but not the candles of damaged files.",
  }),
  ...about,
  last_crawled_at: z.iso.datetime().nullable(),
  damaged_files: z.int().min(0).openapi({
    description: "`GET /admin/archive` says which and what to do.",
  }),
  checks: z.record(z.string(), z.object({ ok: z.boolean() })),
});

/** Whether the process lives, and whether it can serve. */
export function addHealthRoutes(router: Router, deps: Deps): void {
  const { settings: { simulated, version }, clock, projections, signal } = deps;
  const look = rememberBriefly(clock, REMEMBERED_MS, () => lookAround(deps));

  /** What costs nothing is asked each time. */
  async function inspect() {
    const { database, disk, found } = await look();
    const checks: Readonly<Record<string, Check>> = {
      database,
      projections: projections.ready() ? { ok: true } : { ok: false, message: "catching up" },
      disk,
      process: signal.aborted ? { ok: false, message: "stopping" } : { ok: true },
    };
    return { checks, found };
  }

  endpoint(router, {
    ...{ method: "get", path: "/health/live", access: "open", tag: "Health" },
    ...{ summary: "The process answers", query: noQuery, body: undefined },
    answer: { status: 200, description: "It does", data: liveWire },
  }, (c) => success(c, { status: "live", version, simulated }));

  endpoint(router, {
    ...{ method: "get", path: "/health/ready", access: "open", tag: "Health" },
    summary: "The service can do its work",
    description: "503 with `details` of what cannot.",
    ...{ query: noQuery, body: undefined },
    answer: {
      status: 200,
      description: "It can",
      data: readyWire,
    },
  }, async (c) => {
    const { checks, found } = await inspect();
    const bad = Object.entries(checks).filter(([, { ok }]) => !ok);
    if (bad.length === 0 && found !== undefined) {
      const status = found.damaged_files === 0 ? "ready" : "degraded";
      return success(c, { status, version, simulated, ...found, checks });
    }
    const details = bad.map(([field, { message = "not ready" }]) => ({ field, message }));
    const message = `Not ready: ${bad.map(([name]) => name).join(", ")}`;
    const headers = { "retry-after": "5" };
    return failure(c, { code: "UNAVAILABLE", message, details }, { headers });
  });
}

/** What has to be asked for; `found` where there is somebody to answer. */
async function lookAround(deps: Deps) {
  const { store, freeBytes, directory, archive } = deps;
  const [database, disk] = await Promise.all([
    check(deps, () => store.head(), () => undefined),
    check(deps, freeBytes, (free) => free < LEAST_FREE_BYTES ? "less than 512 MB free" : undefined),
  ]);
  if (!database.ok) return { database, disk, found: undefined };
  const last_crawled_at = await lastCrawledAt(directory);
  const damaged_files = (await archive.damaged()).length;
  return { database, disk, found: { last_crawled_at, damaged_files } };
}

/** Says nothing of why: the route is open to everybody, the log has the rest. */
async function check<T>(
  { clock }: Pick<Deps, "clock">,
  ask: () => Promise<T>,
  judge: (answer: T) => string | undefined,
): Promise<Check> {
  const enough = new AbortController();
  const late = clock.sleep(PATIENCE_MS, enough.signal)
    .then((): Check => ({ ok: false, message: "does not answer" }), (): Check => ({ ok: true }));
  const asked = ask().then(
    (answer): Check => {
      const message = judge(answer);
      return message === undefined ? { ok: true } : { ok: false, message };
    },
    (): Check => ({ ok: false, message: "does not answer" }),
  );
  const outcome = await Promise.race([asked, late]);
  enough.abort();
  return outcome;
}

async function lastCrawledAt({ list }: Deps["directory"]): Promise<string | null> {
  const times = (await list()).map(({ lastCrawledAt }) => lastCrawledAt?.getTime() ?? 0);
  const last = times.reduce((a, b) => Math.max(a, b), 0);
  return last === 0 ? null : new Date(last).toISOString();
}
