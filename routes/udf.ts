import { Refusal } from "@/domain/decider.ts";
import type { AppDeps } from "./app_deps.ts";
import { type Bar, type BarReader, createBarReader } from "./bars.ts";
import { createPrecisions } from "./bar_precision.ts";
import { answer, type AppContext } from "./envelope.ts";
import { failureHeaders, type Outcome } from "./errors.ts";
import { foreign, type ForeignRouter } from "./foreign.ts";
import { listingsOf, seriesFor } from "./listings.ts";
import type { SeriesDirectory } from "./series_directory.ts";
import { type HistoryParams, historyParams, numberParam, textParam } from "./udf_params.ts";
import { intervalOf, MAIN_RESOLUTIONS } from "./udf_resolutions.ts";
import { findListing, searchListings, symbolInfo } from "./udf_symbols.ts";

type Deps =
  & Pick<AppDeps, "reader" | "openCandles" | "clock" | "settings" | "signal">
  & { readonly directory: SeriesDirectory };

const dialect = { tag: "TradingView", fail: failAsUdf } as const;
const MAX_FOUND = 500;
const DEFAULT_FOUND = 30;

/** TradingView's universal data feed: what its charting library asks for over HTTP. */
export function addUdfRoutes(router: ForeignRouter, deps: Deps): void {
  const { clock, directory } = deps;
  const bars = createBarReader(deps);
  const precisions = createPrecisions(bars, clock);

  function get(
    name: string,
    summary: string,
    handle: (c: AppContext, query: URLSearchParams) => Promise<Response>,
  ): void {
    const spec = { method: "get", paths: [`/udf/${name}`], access: "market", summary } as const;
    foreign(router, { dialect, ...spec }, (c) => handle(c, new URL(c.req.url).searchParams));
  }

  async function listingNamed(symbol: string) {
    const listing = findListing(listingsOf(await directory.list()), symbol);
    if (listing !== undefined) return listing;
    throw new Refusal("not_found", `Cannot find symbol ${symbol}: /udf/search lists what there is`);
  }

  get("config", "What the feed can do", async (c) => {
    const venues = new Set((await directory.list()).map(({ exchange }) => exchange.toUpperCase()));
    return udfJson(c, {
      ...{ supports_search: true, supports_group_request: false, supports_marks: false },
      ...{ supports_timescale_marks: false, supports_time: true },
      supported_resolutions: MAIN_RESOLUTIONS,
      exchanges: [
        { value: "", name: "All venues", desc: "" },
        ...[...venues].map((name) => ({ value: name, name, desc: name })),
      ],
      symbols_types: [{ name: "All types", value: "" }, { name: "Crypto", value: "crypto" }],
    });
  });

  get("time", "The service's time in seconds", (c) => {
    const body = String(Math.floor(clock.now() / 1_000));
    return Promise.resolve(answer(c, body, { headers: { "content-type": "text/plain" } }));
  });

  get("symbols", "What is known of a symbol", async (c, query) => {
    const listing = await listingNamed(textParam(query, "symbol"));
    return udfJson(c, symbolInfo(listing, await precisions.of(listing)));
  });

  get("search", "Symbols by what they are called", async (c, query) => {
    const type = query.get("type") ?? "";
    const listings = type === "" || type === "crypto" ? listingsOf(await directory.list()) : [];
    const limit = numberParam(query, "limit") ?? DEFAULT_FOUND;
    return udfJson(
      c,
      searchListings(listings, {
        ...{ query: query.get("query") ?? "", exchange: query.get("exchange") ?? "" },
        limit: Math.max(0, Math.min(limit, MAX_FOUND)),
      }),
    );
  });

  get("history", "Bars of a symbol", async (c, query) => {
    const asked = historyParams(query);
    const listing = await listingNamed(asked.symbol);
    const interval = intervalOf(asked.resolution);
    const series = interval === undefined ? undefined : seriesFor(listing, interval);
    if (interval === undefined || series === undefined) {
      const message = `Cannot draw ${asked.symbol} at resolution ${asked.resolution}`;
      throw new Refusal("validation_error", message, { field: "resolution" });
    }
    return udfJson(c, await history(bars, { ...asked, series, interval }));
  });

  router.app.all("/udf/*", (c) => {
    c.set("shared", true);
    return udfJson(c, { s: "error", errmsg: `Cannot find ${c.req.path}` }, { status: 404 });
  });
}

type Found = Pick<Parameters<BarReader["read"]>[0], "series" | "interval">;

/** `countback` outranks `from`; a hole tells where older bars lie. */
async function history(
  bars: BarReader,
  { series, interval, from, to, countback, limit }: HistoryParams & Found,
): Promise<Readonly<Record<string, unknown>>> {
  const common = { series, interval, keep: "latest" } as const;
  const start = countback === undefined ? from : undefined;
  const { rows } = await bars.read({ ...common, start, end: to, limit });
  if (rows.length > 0) return { s: "ok", ...columnsOf(rows) };
  if (start === undefined) return { s: "no_data" };
  const older = await bars.read({ ...common, start: undefined, end: start, limit: 1 });
  const [last] = older.rows;
  return { s: "no_data", ...(last === undefined ? {} : { nextTime: seconds(last[0]) }) };
}

/** Of off-grid bars that open within one second the later one shows: charts refuse equal times. */
function columnsOf(rows: readonly Bar[]): Readonly<Record<string, readonly number[]>> {
  const shown = [...new Map(rows.map((row) => [seconds(row[0]), row])).entries()];
  const column = (index: 1 | 2 | 3 | 4 | 5) => shown.map(([, row]) => Number(row[index]));
  return {
    t: shown.map(([time]) => time),
    ...{ o: column(1), h: column(2), l: column(3), c: column(4), v: column(5) },
  };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

function udfJson(
  c: AppContext,
  value: unknown,
  { status = 200, headers = {} }: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  return answer(c, JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

/** Charts read the body and nothing else: what the question got wrong is an answer like others. */
function failAsUdf(c: AppContext, _error: Error, judge: () => Outcome): Response {
  const outcome = judge();
  const asked = outcome.code === "NOT_FOUND" || outcome.code === "VALIDATION_ERROR";
  return udfJson(c, { s: "error", errmsg: outcome.message }, {
    status: asked ? 200 : outcome.status,
    headers: failureHeaders(outcome),
  });
}
