import { OpenAPIHono } from "@hono/zod-openapi";
import { addAdminRoutes } from "./admin.ts";
import type { AppDeps } from "./app_deps.ts";
import { addBinanceRoutes } from "./binance.ts";
import { addDocs } from "./docs.ts";
import type { App } from "./endpoint.ts";
import { addArchiveRoutes } from "./archive.ts";
import { addCrawlerAlertRoutes } from "./crawler_alerts.ts";
import { addCrawlerRunRoutes } from "./crawler_runs.ts";
import { addCrawlerRoutes } from "./crawlers.ts";
import { addCrawlerPages } from "./crawlers_pages.ts";
import { addDailyReportRoutes } from "./daily_reports.ts";
import { answer, type AppContext, type AppEnv, failure } from "./envelope.ts";
import { createErrorHandler, createJudge } from "./errors.ts";
import { addEventRoutes } from "./events.ts";
import { createGuard } from "./guard.ts";
import { createHttpMeter } from "./http_meter.ts";
import { addHealthRoutes } from "./health.ts";
import { addInfluxRoutes } from "./influx.ts";
import { addKlineRoutes } from "./klines.ts";
import { addKlineWriteRoutes } from "./klines_write.ts";
import { addLakeRoutes } from "./lake.ts";
import { addMetricsRoute } from "./metrics.ts";
import { addReportRoutes } from "./reports.ts";
import { addSeriesRoutes } from "./series.ts";
import { addSeriesStatsRoutes } from "./series_stats.ts";
import { createSeriesDirectory } from "./series_directory.ts";
import { addUdfRoutes } from "./udf.ts";

/** What pages of other origins may read. */
const SHARED_PATHS = [
  ...["/api/v1/klines", "/api/v1/series", "/api/v1/series/*", "/api/v1/reports"],
  ...["/lake/*", "/compat/*", "/udf/*", "/openapi.json"],
];

/** The whole HTTP API. Serve it with `Deno.serve((request, info) => app.fetch(request, info))`. */
export function createApp(deps: AppDeps): App {
  const app: App = new OpenAPIHono<AppEnv>({ strict: false });
  const judge = createJudge(deps);
  app.onError(createErrorHandler(deps));
  const meter = createHttpMeter();
  app.use("*", meter.middleware);
  for (const path of SHARED_PATHS) app.options(path, preflight);
  const router = { app, guard: createGuard(deps), judge };
  const withDirectory = { ...deps, directory: createSeriesDirectory(deps) };
  addHealthRoutes(router, withDirectory);
  addKlineRoutes(router, withDirectory);
  addKlineWriteRoutes(router, withDirectory);
  addSeriesRoutes(router, withDirectory);
  addSeriesStatsRoutes(router, withDirectory);
  addLakeRoutes(router, withDirectory);
  addEventRoutes(router, deps);
  addAdminRoutes(router, withDirectory);
  addArchiveRoutes(router, withDirectory);
  addCrawlerRoutes(router, deps);
  addCrawlerRunRoutes(router, deps);
  addCrawlerAlertRoutes(router, deps);
  addCrawlerPages(router, deps);
  addDailyReportRoutes(router, deps);
  addReportRoutes(router, deps);
  addMetricsRoute(router, { ...deps, meter });
  addBinanceRoutes(router, withDirectory);
  addUdfRoutes(router, withDirectory);
  addInfluxRoutes(router, deps);
  addDocs(app, deps.settings);
  app.notFound(createNotFound(app));
  return app;
}

/** Lets browsers ask from pages of other origins. Reading only: writes need a token of the operator. */
function preflight(c: AppContext): Response {
  c.set("shared", true);
  return answer(c, null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, HEAD",
      "access-control-allow-headers": "authorization, x-request-id, range, if-range, if-match, " +
        "if-none-match, x-mbx-apikey, x-mbx-time-unit",
      "access-control-max-age": "86400",
    },
  });
}

/** Tells a path that nobody serves from one that is served by other methods. */
function createNotFound(app: App): (c: AppContext) => Response {
  // What stands before every route serves none.
  const served = app.routes.filter(({ method }) => method !== "ALL");
  const routes = served.map(({ method, path }) => ({
    method,
    // The same pattern of a part, as each of the two writes it.
    pattern: new URLPattern({ pathname: path.replaceAll(/:(\w+)\{([^}]+)\}/g, ":$1($2)") }),
  }));
  return (c) => {
    const { path, method } = c.req;
    const pathname = path.replace(/(?<=.)\/$/, "");
    const served = routes.filter(({ pattern }) => pattern.test({ pathname }));
    const methods = served.flatMap(({ method }) => method === "GET" ? ["GET", "HEAD"] : [method]);
    const allowed = [...new Set(methods)].filter((m) => m !== "OPTIONS");
    // Slashes behind a path are a part of its pattern to one of the two, but not to the other.
    if (allowed.length === 0 || allowed.includes(method)) {
      const message = `Cannot find ${path}: /docs lists what there is`;
      return failure(c, { code: "NOT_FOUND", message });
    }
    const message = `Cannot ${method} ${path}: allowed are ${allowed.join(", ")}`;
    return failure(c, { code: "METHOD_NOT_ALLOWED", message }, {
      headers: { allow: allowed.join(", ") },
    });
  };
}
