import type { Interval } from "@/domain/klines/interval.ts";
import { type Book, page, type WireRow } from "./binance_book.ts";
import type { Fault, Faults } from "./binance_faults.ts";

export interface BinanceOptions {
  readonly book: Book;
  /** The exchange's clock, epoch ms. */
  readonly now: () => number;
  readonly faults?: Faults;
}

/** A local server that speaks Binance's public REST: spot under /api/v3, USD-M under /fapi/v1. */
export interface BinanceServer {
  readonly url: string;
  /** Every request so far, as path and query. */
  readonly requests: readonly string[];
  /** Those for candles. */
  klineRequests(): readonly URL[];
  close(): Promise<void>;
}

const INTERVALS: readonly string[] = [
  ...["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h"],
  ...["1d", "3d", "1w", "1M"],
];
const QUOTES = ["USDT", "USDC", "BTC"];

export function startBinance(
  { book, now, faults = () => undefined }: BinanceOptions,
): BinanceServer {
  const requests: string[] = [];
  const symbols = [...new Set([...book.keys()].map((key) => key.split(" ")[0] ?? ""))];
  let klineRequests = 0;

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    requests.push(url.pathname + url.search);
    const [, area, name] = /^\/(api\/v3|fapi\/v1)\/(\w+)$/.exec(url.pathname) ?? [];
    if (area === undefined) return failure(404, -1, "no such path");
    const futures = area === "fapi/v1";
    if (name === "ping") return json({});
    if (name === "time") return json({ serverTime: now() });
    if (name === "exchangeInfo") return exchangeInfo(url, symbols, futures);
    if (name === "klines" || name === "uiKlines") {
      const fault = faults({ n: ++klineRequests, url });
      return await spoiled(fault, () => klines(url, { book, now, most: futures ? 1500 : 1000 }));
    }
    return failure(404, -1, "no such path");
  }

  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, answer);
  const base = `http://127.0.0.1:${server.addr.port}`;
  return {
    url: base,
    requests,
    klineRequests: () =>
      requests.filter((text) => text.includes("/klines?")).map((text) => new URL(text, base)),
    close: () => server.shutdown(),
  };
}

function klines(
  url: URL,
  { book, now, most }: { book: Book; now: () => number; most: number },
): Response {
  const get = (name: string) => url.searchParams.get(name);
  const number = (name: string) => {
    const text = get(name);
    // Bounds come in ms or µs.
    return text === null ? undefined : Number(text) > 1e14 ? Number(text) / 1000 : Number(text);
  };
  const [symbol, interval] = [get("symbol") ?? "", get("interval") ?? ""];
  if (!INTERVALS.includes(interval)) return failure(400, -1120, "Invalid interval.");
  const known = [...book.keys()].some((key) => key.startsWith(`${symbol} `));
  if (!known) return failure(400, -1121, "Invalid symbol.");
  const rows = page(book.get(`${symbol} ${interval}`) ?? [], {
    ...{ start: number("startTime"), end: number("endTime"), now: now() },
    limit: Math.min(number("limit") ?? 500, most),
  });
  return json(rows.map((row) => running(row, now())));
}

/** The bar that is still open holds what has been traded so far. */
function running(row: WireRow, now: number): WireRow {
  const [openTime, open, , , , , closeTime] = row;
  if (closeTime < now) return row;
  const zero = "0.00000000";
  return [openTime, open, open, open, open, zero, closeTime, zero, 0, zero, zero, "0"];
}

function exchangeInfo(url: URL, symbols: readonly string[], futures: boolean): Response {
  const wanted = url.searchParams.get("symbol");
  // USD-M knows no such parameter and lists everything.
  if (wanted !== null && !futures && !symbols.includes(wanted)) {
    return failure(400, -1121, "Invalid symbol.");
  }
  const listed = symbols.filter((symbol) => futures || wanted === null || symbol === wanted);
  return json({
    timezone: "UTC",
    symbols: listed.map((symbol) => {
      const quoteAsset = QUOTES.find((quote) => symbol.endsWith(quote)) ?? "USDT";
      const baseAsset = symbol.slice(0, -quoteAsset.length);
      return {
        ...{ symbol, status: "TRADING", baseAsset, quoteAsset },
        ...(futures ? { marginAsset: quoteAsset, contractType: "PERPETUAL" } : {}),
      };
    }),
  });
}

async function spoiled(fault: Fault | undefined, right: () => Response): Promise<Response> {
  switch (fault?.kind) {
    case undefined:
      return right();
    case "rate_limited":
      return failure(429, -1003, "Too many requests.", retryAfter(fault.retryAfterS));
    case "banned":
      return failure(418, -1003, "Way too many requests.", retryAfter(fault.retryAfterS));
    case "server_error":
      return new Response(fault.body ?? "Bad gateway", { status: fault.status ?? 502 });
    case "truncated": {
      const text = await right().text();
      return new Response(text.slice(0, Math.max(1, text.length - 40)), JSON_TYPE);
    }
    case "empty":
      return json([]);
    case "slow":
      await fault.release;
      return right();
    case "reset":
      return cutOff();
    case "html":
      return new Response("<html><body>Just a moment…</body></html>");
    case "repeat_boundary": {
      const rows: WireRow[] = await right().json();
      const [first] = rows;
      return json(first === undefined ? [] : [first, ...rows]);
    }
  }
}

/** Promises more bytes than it sends, whereupon the connection breaks. */
function cutOff(): Response {
  const body = new Blob(["[["]).stream();
  return new Response(body, { headers: { "content-length": "5000" } });
}

const JSON_TYPE = { headers: { "content-type": "application/json" } };

function retryAfter(seconds: number | undefined): Record<string, string> {
  return seconds === undefined ? {} : { "retry-after": `${seconds}` };
}

function json(value: unknown): Response {
  return Response.json(value);
}

function failure(
  status: number,
  code: number,
  msg: string,
  headers: Record<string, string> = {},
): Response {
  return Response.json({ code, msg }, { status, headers });
}

/** The key of a book. */
export function bookKey(symbol: string, interval: Interval): string {
  return `${symbol} ${interval}`;
}
