import { z } from "@hono/zod-openapi";
import { INTERVALS } from "@/domain/klines/interval.ts";
import { KLINE_COLUMNS, type KlinePage, type KlineQuery } from "@/domain/ports/kline_reader.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { etagOf, matchesTag, shortHash } from "./etag.ts";
import { answer, type AppContext, requestId } from "./envelope.ts";
import { atCursor, nextCursor } from "./klines_cursor.ts";
import { wrapRows } from "./klines_envelope.ts";
import { binaryBody, textBody } from "./media.ts";
import { klinesQuery, type KlinesRequest } from "./klines_query.ts";
import type { SeriesDirectory } from "./series_directory.ts";

type Deps = Pick<AppDeps, "reader" | "signal"> & { readonly directory: SeriesDirectory };

/** A request that has found its series. */
interface Resolved {
  /** What the directory held when it was found. */
  readonly views: readonly SeriesView[];
  readonly series: SeriesView;
  /** As asked, before any cursor. */
  readonly whole: KlineQuery;
  /** The page to read. */
  readonly page: KlineQuery;
  /** The part of `meta` that is the same for every page. */
  readonly meta: string;
  /** Stands for that part in an ETag. */
  readonly tag: string;
}

const row = z.array(z.union([z.number(), z.string(), z.null()]));
const object = z.record(z.enum(KLINE_COLUMNS), z.union([z.number(), z.string(), z.null()]));

const ifNoneMatch = z.object({
  "if-none-match": z.string().optional()
    .openapi({ description: "`ETag` of an earlier answer: 304 while the rows are the same." }),
});

const pageMeta = {
  exchange: z.string(),
  symbol: z.string(),
  interval: z.enum(INTERVALS),
  series_id: z.string(),
  stored_interval: z.enum(INTERVALS).openapi({ description: "Of the candles it was made from." }),
  simulated: z.boolean().openapi({ description: "The candles are made up." }),
  columns: z.array(z.enum(KLINE_COLUMNS)).openapi({ description: "Of the arrays, in order." }),
  rows: z.int(),
  irregular: z.array(z.int()).optional().openapi({
    description:
      "Open times of the rows that are off the grid of the interval; only when there are.",
  }),
  next_cursor: z.string().nullable().openapi({ description: "`cursor` of the next page." }),
};

const PAGES = "Pages: send the same query with `cursor`. With `start` and `order=asc` they go " +
  "forward in time; without `start`, and with `order=desc`, back: the first page holds the latest " +
  "candles, each next one those before, and `order` is only that of the rows within a page. A " +
  "candle of the stored interval is there once it has closed; one of a larger interval once all " +
  "of its time has passed, or with `partial=true` as far as it has come. Numbers are exact " +
  "decimals of up to 18 decimals and 20 digits before the point: `numbers=string` gives every " +
  "digit, a JSON number as many as the reader keeps.";

/** `GET /api/v1/klines`. */
export function addKlineRoutes(router: Router, { reader, directory, signal }: Deps): void {
  const resolved = new WeakMap<KlinesRequest, Resolved>();

  async function resolve(request: KlinesRequest): Promise<Resolved> {
    const views = await directory.list();
    const known = resolved.get(request);
    if (known?.views === views) return known;
    const { exchange, symbol, interval } = request;
    const fresh = resolveIn(views, request, await directory.choose({ exchange, symbol, interval }));
    resolved.set(request, fresh);
    return fresh;
  }

  endpoint(router, {
    method: "get",
    path: "/api/v1/klines",
    access: "market",
    tag: "Candles",
    summary: "Candles of a series, also of larger intervals than the stored one",
    description: PAGES,
    query: klinesQuery,
    body: undefined,
    headers: ifNoneMatch,
    failures: [404],
    answer: {
      status: 200,
      description: "The rows; `meta.next_cursor` when there are more",
      data: z.array(z.union([row, object])),
      meta: pageMeta,
      notModified: true,
      types: {
        "text/csv": textBody("With a header; the cursor is in X-Next-Cursor"),
        "application/vnd.apache.parquet": binaryBody("The cursor is in X-Next-Cursor"),
      },
    },
  }, async (c, { query: request }) => {
    const found = await resolve(request);
    const page = await reader.read(found.page, signal);
    const cursor = nextCursor(found.whole, page);
    const etag = etagOf(page.bytes, cursor === undefined ? found.tag : `${found.tag}.more`);
    const headers = { ...pageHeaders(page), ...etagHeaders(etag) };
    if (etag !== undefined && matchesTag(c.req.header("if-none-match"), etag)) {
      return answer(c, null, { status: 304, headers });
    }
    return request.format === "arrays" || request.format === "objects"
      ? answerJson(c, { found, page, cursor, headers })
      : answerFile(c, { found, page, cursor, headers });
  });
}

function resolveIn(
  views: readonly SeriesView[],
  request: KlinesRequest,
  series: SeriesView,
): Resolved {
  const { exchange: _exchange, symbol: _symbol, interval, cursor, ...rest } = request;
  const { start, end, ...others } = rest;
  const whole = { ...others, seriesId: series.id, stored: series.interval, interval, start, end };
  const meta = {
    ...{ exchange: series.exchange, symbol: series.symbol, interval, series_id: series.id },
    stored_interval: series.interval,
    simulated: series.simulated,
    columns: KLINE_COLUMNS,
  };
  const page = cursor === undefined ? whole : atCursor(whole, cursor);
  const told = JSON.stringify(meta).slice(1, -1);
  return { views, series, whole, page, meta: told, tag: shortHash(told) };
}

interface Found {
  readonly found: Resolved;
  readonly page: KlinePage;
  readonly cursor: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** The rows pass from the reader's bytes to the wire without being parsed. */
function answerJson(c: AppContext, { found, page, cursor, headers }: Found): Response {
  const next = cursor === undefined ? "null" : `"${cursor}"`;
  const irregular = page.irregular === undefined ? "" : `"irregular":[${page.irregular}],`;
  const meta = `{"request_id":"${requestId(c)}","timestamp":"${new Date().toISOString()}",` +
    `${found.meta},"rows":${page.rows},${irregular}"next_cursor":${next}}`;
  return answer(c, wrapRows(page.bytes, meta), {
    headers: { "content-type": "application/json", ...headers },
  });
}

const FILES = {
  csv: { type: "text/csv; charset=utf-8", extension: "csv" },
  parquet: { type: "application/vnd.apache.parquet", extension: "parquet" },
} as const;

function answerFile(c: AppContext, { found, page, cursor, headers }: Found): Response {
  const { format, interval } = found.whole;
  const { type, extension } = FILES[format === "parquet" ? "parquet" : "csv"];
  const id = found.series.id.slice(0, found.series.id.lastIndexOf("."));
  return answer(c, new Uint8Array(page.bytes), {
    headers: {
      "content-type": type,
      "content-disposition": `attachment; filename="${id}.${interval}.${extension}"`,
      ...headers,
      "x-rows": String(page.rows),
      "x-stored-interval": found.series.interval,
      "x-simulated": String(found.series.simulated),
      ...(page.firstOpenTime === undefined ? {} : { "x-first-open-time": `${page.firstOpenTime}` }),
      ...(page.lastOpenTime === undefined ? {} : { "x-last-open-time": `${page.lastOpenTime}` }),
      ...(cursor === undefined ? {} : { "x-next-cursor": cursor }),
    },
  });
}

/** What a client may keep, but must ask for again each time. */
function etagHeaders(etag: string | undefined): Readonly<Record<string, string>> {
  return etag === undefined ? {} : { etag, "cache-control": "private, no-cache" };
}

function pageHeaders({ cached }: KlinePage): Readonly<Record<string, string>> {
  return { "x-cache": cached ? "hit" : "miss" };
}
