import { Refusal } from "@/domain/decider.ts";
import { type Precision, PRECISIONS } from "@/domain/influx/candle_point.ts";
import type { AppDeps } from "./app_deps.ts";
import { answer, type AnswerOptions, type AppContext, json } from "./envelope.ts";
import { failureHeaders, type Outcome } from "./errors.ts";
import { type Dialect, foreign, type ForeignRouter } from "./foreign.ts";
import { callerId } from "./idempotency.ts";
import { type Dropped, ingestLines } from "./influx_ingest.ts";
import { bodyLines } from "./influx_lines.ts";
import { createLanes } from "./lanes.ts";

type Deps = Pick<AppDeps, "ingest" | "spool" | "venues" | "settings" | "clock" | "signal">;

/** The two versions of the write API: what their clients call units, and how they read errors. */
const V2_UNITS: readonly string[] = ["ns", "us", "ms", "s"];
const V1_UNITS: readonly string[] = ["ns", "n", "us", "u", "µ", "ms", "s", "m", "h"];

/** Reasons told; the others are counted. */
const MOST_TOLD = 10;

/** Series written at one moment, where connections are no matter. */
const MOST_WRITTEN = 32;

/** Candles in InfluxDB's line protocol, through the API of its versions 2 and 1. */
export function addInfluxRoutes(router: ForeignRouter, deps: Deps): void {
  const summary = "Candles in line protocol";
  const { connectionsForWrites = MOST_WRITTEN } = deps.settings;
  const most = Math.max(1, Math.min(MOST_WRITTEN, connectionsForWrites));
  const ingesting = { ...deps, lanes: createLanes(most) };
  for (
    const [path, units, body] of [
      ["/api/v2/write", V2_UNITS, v2Body],
      ["/write", V1_UNITS, v1Body],
    ] as const
  ) {
    const dialect: Dialect = {
      tag: "InfluxDB",
      token: tokenOf,
      fail: (c, _error, judge) => failAsInflux(c, body, judge()),
    };
    const spec = { method: "post", paths: [path], access: "write", summary } as const;
    foreign(router, { dialect, ...spec }, async (c) => {
      const query = new URL(c.req.url).searchParams;
      const { total, dropped } = await ingestLines(ingesting, bodyLines(c), {
        precision: precisionOf(query.get("precision"), units),
        exchange: query.get("exchange") ?? undefined,
        actor: callerId(c),
      });
      if (total === 0) return answer(c, null, { status: 204, headers: VERSION });
      return influxJson(c, body("invalid", partial(total, dropped)), { status: 400 });
    });
    router.app.all(path, (c) => {
      const told = body("method not allowed", `Cannot ${c.req.method} ${path}: allowed is POST`);
      return influxJson(c, told, { status: 405, headers: { allow: "POST" } });
    });
  }
  addNeighbours(router);
}

/** Clients look at it to know that this is no proxy. */
const VERSION = { "x-influxdb-version": "2.7.0", "x-influxdb-build": "OSS" } as const;

/** What clients ask before they write, and what only a database could answer. */
function addNeighbours({ app }: ForeignRouter): void {
  app.get("/ping", (c) => answer(c, null, { status: 204, headers: VERSION }));
  app.get("/health", (c) => {
    const told = { name: "influxdb", message: "ready for writes", status: "pass", checks: [] };
    return influxJson(c, { ...told, version: VERSION["x-influxdb-version"] }, { status: 200 });
  });
  for (const [path, body] of [["/query", v1Body], ["/api/v2/*", v2Body]] as const) {
    app.all(path, (c) => {
      const message = `${c.req.method} ${c.req.path} is not supported: candles are written to ` +
        "/api/v2/write or /write, and read from /api/v1/klines";
      return influxJson(c, body("not found", message), { status: 404 });
    });
  }
}

function precisionOf(given: string | null, units: readonly string[]): Precision {
  const unit = given === null || given === "" ? "ns" : given;
  if (units.includes(unit) && isPrecision(unit)) return unit;
  const message = `invalid precision; valid precision units are ${units.join(", ")}`;
  throw new Refusal("validation_error", message, { field: "precision" });
}

function isPrecision(text: string): text is Precision {
  return Object.hasOwn(PRECISIONS, text);
}

/**
 * `Token`, `Bearer` or `Basic` in the header, `u` and `p` in the query. Of a user and a password the
 * password is the token. Text that is none of them is a token that nobody holds.
 */
function tokenOf(c: AppContext): string | undefined {
  const header = c.req.header("authorization");
  if (header === undefined) return new URL(c.req.url).searchParams.get("p") ?? undefined;
  const [, scheme = "", given = ""] = /^(\w+) +(\S+) *$/.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return given;
    case "token":
      return given.slice(given.indexOf(":") + 1);
    case "basic":
      return passwordOf(given);
    default:
      return "";
  }
}

function passwordOf(basic: string): string {
  try {
    const pair = atob(basic);
    return pair.slice(pair.indexOf(":") + 1);
  } catch {
    return "";
  }
}

/** What was good is kept: the message names what was not. */
function partial(total: number, dropped: readonly Dropped[]): string {
  const told = dropped.filter(({ line }) => line > 0).slice(0, MOST_TOLD);
  const reasons = told.map(({ line, reason }) => `line ${line}: ${reason}`).join("; ");
  return `partial write: ${reasons} dropped=${total}`;
}

type Body = (code: string, message: string) => Readonly<Record<string, string>>;

function v2Body(code: string, message: string): Readonly<Record<string, string>> {
  return { code, message };
}

function v1Body(code: string, message: string): Readonly<Record<string, string>> {
  return { error: message, code, message };
}

const CODES: Readonly<Record<number, string>> = {
  ...{ 400: "invalid", 401: "unauthorized", 403: "forbidden", 404: "not found" },
  ...{ 413: "request too large", 415: "unsupported media type", 422: "invalid" },
  ...{ 429: "too many requests", 503: "unavailable", 507: "unavailable" },
};

function failAsInflux(c: AppContext, body: Body, outcome: Outcome): Response {
  const { status: judged, message } = outcome;
  const status = judged === 422 || judged === 409 ? 400 : judged;
  const code = CODES[status] ?? "internal error";
  const told = status === 401 ? `unauthorized access: ${message}` : message;
  return influxJson(c, body(code, told), { status, headers: failureHeaders(outcome) });
}

function influxJson(
  c: AppContext,
  value: unknown,
  { status, headers = {} }: AnswerOptions & { readonly status: number },
): Response {
  const type = "application/json; charset=utf-8";
  return json(c, value, { status, headers: { "content-type": type, ...VERSION, ...headers } });
}
