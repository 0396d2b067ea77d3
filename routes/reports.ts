import { z } from "@hono/zod-openapi";
import { localTime } from "@/domain/alerts/language.ts";
import { Refusal } from "@/domain/decider.ts";
import { parseTime } from "@/domain/klines/time.ts";
import { REPORT_KINDS } from "@/domain/ports/market_source.ts";
import { SOURCE_NAMES } from "@/domain/ports/source_names.ts";
import { mapNumbers } from "@/domain/reports/report_numbers.ts";
import { trusted } from "@/events/trust.ts";
import type { ReportView } from "@/projections/report_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { answer, success } from "./envelope.ts";
import { matchesTag, shortHash } from "./etag.ts";
import { nearest } from "./nearest.ts";
import { pageParams, paginationOf } from "./pages.ts";

type Deps = Pick<AppDeps, "reports" | "settings">;

/** A day, or a time of the day that it is then in the zone: `2026-09-08` afterwards. */
function dayParam(description: string, timeZone: string) {
  return z.string().transform((text, context) => {
    const day = isDay(text) ? text : dayAt(text, timeZone);
    if (isDay(day)) return day;
    context.addIssue({ code: "custom", message: "expected a date like 2026-09-08, or a time" });
    return z.NEVER;
  }).optional().openapi({
    ...{ type: "string", example: "2026-09-08" },
    description: `${description} A time (epoch ms, ISO 8601) is of its day in \`TIME_ZONE\`.`,
  });
}

function isDay(text: string | undefined): text is string {
  return z.iso.date().safeParse(text).success;
}

/** Short numbers are no times: `20260908` would be a day in 1970. */
function dayAt(text: string, timeZone: string): string | undefined {
  const at = /^\d{1,9}$/.test(text.trim()) ? undefined : parseTime(text);
  return at === undefined ? undefined : localTime(at, timeZone).slice(0, 10);
}

/** Codes are kept in upper case. */
const code = (description: string, example: string) =>
  z.string().min(1).max(100).transform((text) => text.toUpperCase()).optional()
    .openapi({ type: "string", description, example });

const name = (known: readonly string[]) =>
  z.string().min(1).max(100).optional().openapi({ enum: [...known] });

const reportsQuery = (timeZone: string) =>
  z.strictObject({
    source: name(SOURCE_NAMES),
    kind: name(REPORT_KINDS),
    exchange: code("Where the product is traded.", "SHFE"),
    product: code("Code of the product, in either case.", "RB"),
    contract: code("One contract.", "RB2701"),
    date: dayParam("Reports of this day.", timeZone),
    from: dayParam("Reports of this day and later.", timeZone),
    to: dayParam("Reports of this day and earlier.", timeZone),
    numbers: z.enum(["string", "number"]).prefault("number").openapi({
      description:
        "How numbers in values are written: as JSON numbers, or as text. Both have every " +
        "digit; doubles may not hold them all. Codes, names, expiries and dates are text in both.",
    }),
    ...pageParams({ byDefault: 100, max: 1_000 }),
  }).refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
    path: ["to"],
    message: "expected from or a later day",
  }).refine(
    ({ date, from, to }) => date === undefined || (from === undefined && to === undefined),
    { path: ["date"], message: "expected either date, or from and to" },
  );

const reportWire = z.object({
  source: z.string(),
  kind: z.enum(REPORT_KINDS),
  exchange: z.string().nullable(),
  product: z.string(),
  contract: z.string().optional().openapi({ description: "Left out of what is on a product." }),
  report_date: z.iso.date().openapi({ description: "In the exchange's calendar." }),
  values: z.record(z.string(), z.unknown()).openapi({
    description: "As the source names them; what is not known is null.",
  }),
  captured_at: z.iso.datetime(),
}).openapi("Report");

const ifNoneMatch = z.object({
  "if-none-match": z.string().optional()
    .openapi({ description: "ETag of what you have: 304 without a body while it is current." }),
});

/** `GET /api/v1/reports`: what market pages said of products, as crawled last. */
export function addReportRoutes(router: Router, { reports, settings }: Deps): void {
  endpoint(router, {
    ...{ method: "get", path: "/api/v1/reports", access: "market", tag: "Reports" },
    summary: "What market pages say of products",
    description: "One row for each source, kind, product, contract and day: a later crawl takes " +
      "the place of an earlier one.",
    ...{ query: reportsQuery(settings.timeZone), headers: ifNoneMatch, body: undefined },
    answer: {
      status: 200,
      description: "The newest day first, then by source, kind, product and contract",
      ...{ data: z.array(reportWire), paginated: true, notModified: true },
    },
  }, async (c, { query: { numbers, ...query } }) => {
    refuseUnknown("source", query.source, SOURCE_NAMES);
    refuseUnknown("kind", query.kind, REPORT_KINDS);
    const found = await reports.findReports(query);
    const data = found.reports.map((view) => toReportWire(view, numbers));
    const pagination = paginationOf(query, found.total);
    const etag = `W/"${shortHash(JSON.stringify([data, pagination]))}"`;
    const headers = { etag, "cache-control": "private, no-cache" };
    return matchesTag(c.req.header("if-none-match"), etag)
      ? answer(c, null, { status: 304, headers })
      : success(c, data, { pagination, headers });
  });
}

function refuseUnknown(field: string, given: string | undefined, known: readonly string[]): void {
  if (given === undefined || known.includes(given)) return;
  const near = nearest(known, given, (one) => one);
  const expected = `expected one of ${known.join(", ")}`;
  throw new Refusal("validation_error", `Cannot accept the query: ${field}: ${expected}`, {
    field,
    details: near.length > 0
      ? near.map((message) => ({ field, message }))
      : [{ field, message: expected }],
  });
}

/** The values belong to the source: their names stay as they are. */
function toReportWire(
  view: ReportView,
  numbers: "string" | "number",
): z.infer<typeof reportWire> {
  const { source, kind, exchange, product, contract, reportDate, values, capturedAt } = view;
  return {
    ...{ source, kind, exchange, product },
    ...(contract === null ? {} : { contract }),
    report_date: reportDate,
    values: numbers === "string" ? values : mapNumbers(view, exactNumber),
    captured_at: new Date(capturedAt).toISOString(),
  };
}

/** In JSON it is a number with all of its digits, as the text has them. */
function exactNumber(decimal: string): unknown {
  return trusted<RawJson>(JSON).rawJSON(decimal);
}

/** What the types of JSON do not tell yet. */
interface RawJson {
  rawJSON(text: string): unknown;
}
