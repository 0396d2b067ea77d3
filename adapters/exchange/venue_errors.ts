import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { VenueFailure } from "./venue_failure.ts";

interface Failed {
  readonly venue: string;
  /** What was tried, e.g. `fetchCandles BTC/USDT 1m`. */
  readonly op: string;
  /** How long the venue wants to be left alone. */
  readonly pausedMs: number;
}

interface Meaning {
  readonly retryable: boolean;
  readonly message?: string;
  readonly hint?: string;
}

/** By the names of ccxt's error classes, the most special first. */
const MEANINGS: readonly (readonly [kind: string, Meaning])[] = [
  ["DDoSProtection", {
    retryable: true,
    message: "it asks for fewer requests",
    hint: "EXCHANGE_INTERVAL_MS slows the requests down",
  }],
  ["RateLimitExceeded", {
    retryable: true,
    message: "it asks for fewer requests",
    hint: "EXCHANGE_INTERVAL_MS slows the requests down",
  }],
  ["RequestTimeout", { retryable: true, message: "it did not answer in time" }],
  ["OnMaintenance", { retryable: true, message: "it is under maintenance" }],
  ["NetworkError", { retryable: true, message: "it cannot be reached" }],
  ["OperationFailed", { retryable: true, message: "it answered something unusable" }],
  ["RestrictedLocation", {
    retryable: false,
    message: "it does not serve this place",
    hint: "EXCHANGE_PROXY goes another way, EXCHANGE_URLS names a mirror",
  }],
  ["AuthenticationError", {
    retryable: false,
    hint: "its candles are not public: choose another venue",
  }],
];

const LONGEST_MESSAGE = 200;

/**
 * The failure of a venue in our words. The message says the same each time it happens, so that a
 * series whose crawl fails for an hour records that once; what differs is in the cause.
 */
export function venueError(error: unknown, { venue, op, pausedMs }: Failed): Error {
  if (error instanceof AdapterError || error instanceof Refusal) return error;
  const { retryable, message, hint } = meaningOf(error);
  return new AdapterError(`Cannot ask ${venue}: ${message}`, {
    port: "exchange",
    op: `${venue} ${op}`,
    retryable,
    hint,
    retryAfterMs: pausedMs > 0 ? pausedMs : undefined,
    cause: error,
  });
}

/** Names of an error's class and of what it extends; classes of ccxt are told by them. */
export function errorKinds(error: unknown): string[] {
  const kinds: string[] = [];
  for (let at = Object(error); at !== null; at = Object.getPrototypeOf(at)) {
    if (typeof at.constructor === "function") kinds.push(at.constructor.name);
  }
  return kinds;
}

function meaningOf(error: unknown): Meaning & { message: string } {
  if (error instanceof VenueFailure) {
    const { retryable, message, hint } = error;
    return hint === undefined ? { retryable, message } : { retryable, message, hint };
  }
  const kinds = errorKinds(error);
  const meaning = MEANINGS.find(([kind]) => kinds.includes(kind))?.[1];
  const said = error instanceof Error ? error.message : String(error);
  return { retryable: false, message: shorten(said), ...meaning };
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length <= LONGEST_MESSAGE ? line : `${line.slice(0, LONGEST_MESSAGE)}…`;
}
