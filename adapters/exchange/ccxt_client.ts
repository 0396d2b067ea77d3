import { createRequire } from "node:module";
import { trusted } from "@/events/trust.ts";
import { VenueFailure } from "./venue_failure.ts";
import type { VenueFetch } from "./venue_fetch.ts";

/** What we use of a ccxt exchange. `number: String` makes its unified numbers exact text. */
export interface CcxtClient {
  readonly id: string;
  readonly has: Readonly<Record<string, unknown>>;
  readonly timeframes: Readonly<Record<string, unknown>> | undefined;
  readonly features: unknown;
  /** Least ms between two requests of weight 1. */
  readonly rateLimit: number;
  readonly markets: Readonly<Record<string, CcxtMarket>> | undefined;
  readonly markets_by_id: Readonly<Record<string, readonly CcxtMarket[]>> | undefined;
  /** Asked by ccxt before each request, with its weight. */
  throttle: (weight?: number) => Promise<void>;
  /** What ccxt makes of an answer; undefined for what is no JSON. */
  parseJson: (text: string) => unknown;
  loadMarkets(reload?: boolean): Promise<unknown>;
  fetchTime(): Promise<number | undefined>;
  fetchOHLCV(
    symbol: string,
    timeframe: string,
    since: number,
    limit: number,
  ): Promise<readonly (readonly unknown[])[]>;
  safeCurrencyCode(id: string): string;
  publicGetExchangeInfo(params: object): Promise<unknown>;
  publicGetKlines(params: object): Promise<unknown>;
  fapiPublicGetExchangeInfo(params: object): Promise<unknown>;
  fapiPublicGetKlines(params: object): Promise<unknown>;
  close(): Promise<void>;
}

export interface CcxtMarket {
  readonly symbol: string;
  readonly spot?: boolean | undefined;
  readonly active?: boolean | undefined;
}

export interface CcxtOptions {
  readonly timeoutMs: number;
  readonly fetch: VenueFetch["fetch"];
}

type CcxtClass = new (options: object) => unknown;

/** Makes a client of ccxt, or nothing where ccxt knows no such exchange. */
export async function openCcxtClient(
  id: string,
  { timeoutMs, fetch }: CcxtOptions,
): Promise<CcxtClient | undefined> {
  const Class = await importClass(id);
  if (Class === undefined) return undefined;
  const client = trusted<CcxtClient>(
    new Class({
      number: String,
      timeout: timeoutMs,
      enableRateLimit: true,
      fetchImplementation: fetch,
    }),
  );
  client.parseJson = parseJson;
  return client;
}

/** ccxt's own takes what is cut off for text, and looks through every page for order numbers beyond 2^53. */
function parseJson(text: string): unknown {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VenueFailure("its answer is cut off", { retryable: true, cause });
  }
}

let ids: Promise<readonly string[]> | undefined;

/** Ids of all exchanges in ccxt that give candles. Takes a second the first time. */
export function ccxtIds(): Promise<readonly string[]> {
  ids ??= listIds();
  return ids;
}

async function listIds(): Promise<readonly string[]> {
  const { default: ccxt } = await import("ccxt");
  const classes = trusted<Record<string, CcxtClass>>(ccxt);
  return ccxt.exchanges.filter((id) => {
    const Class = classes[id];
    return Class !== undefined && trusted<CcxtClient>(new Class({})).has.fetchOHLCV === true;
  });
}

/**
 * One exchange alone takes half the time and a third of the memory of all of them (29 MB against
 * 83 MB), but ccxt's package does not export it; where its file cannot be reached, all are loaded.
 */
async function importClass(id: string): Promise<CcxtClass | undefined> {
  // Folders beside the exchanges must not be reachable through an id.
  if (!/^[a-z0-9]+$/.test(id)) return undefined;
  const one = await importOne(id);
  if (one !== undefined) return one;
  const { default: ccxt } = await import("ccxt");
  if (!ccxt.exchanges.includes(id)) return undefined;
  return trusted<Record<string, CcxtClass>>(ccxt)[id];
}

async function importOne(id: string): Promise<CcxtClass | undefined> {
  try {
    const entry = createRequire(import.meta.url).resolve("ccxt");
    const file = new URL(`../js/src/${id}.js`, `file://${entry}`);
    const module = trusted<{ default?: CcxtClass }>(await import(file.href));
    return module.default;
  } catch {
    return undefined;
  }
}
