import { AsyncLocalStorage } from "node:async_hooks";
import { Refusal } from "@/domain/decider.ts";
import { type Interval, INTERVALS } from "@/domain/klines/interval.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { type CcxtClient, openCcxtClient } from "./ccxt_client.ts";
import { createLimiter, type Turn, type TurnOptions } from "../limiter.ts";
import type { ProxySettings } from "../proxy.ts";
import { untilAborted } from "../until_aborted.ts";
import { createVenueClock } from "./venue_clock.ts";
import { venueError } from "./venue_errors.ts";
import { VenueFailure } from "./venue_failure.ts";
import { createVenueFetch } from "./venue_fetch.ts";

export interface VenueOptions {
  readonly clock: Clock;
  /** Takes the place of all of its REST hosts. */
  readonly baseUrl?: string | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** Slows requests down; never makes them faster than the venue allows. */
  readonly intervalMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
}

/** One exchange through ccxt: its client, and the one way to make requests with it. */
export interface Venue {
  readonly id: string;
  readonly client: CcxtClient;
  /** Makes requests in their turn. Throws AdapterErrors of port `exchange`. */
  call<T>(op: string, work: () => Promise<T>, options?: Partial<TurnOptions>): Promise<T>;
  /** The venue's symbols, loaded once by whoever needs them first. */
  loadMarkets(signal?: AbortSignal): Promise<void>;
  time(signal?: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 15_000;

/** Undefined where ccxt knows no exchange of that id. */
export async function openVenue(id: string, options: VenueOptions): Promise<Venue | undefined> {
  const { clock, baseUrl, proxy = {}, intervalMs = 0, timeoutMs = TIMEOUT_MS } = options;
  const life = new AbortController();
  // ccxt passes neither a signal nor a place in the order down to its requests.
  const current = new AsyncLocalStorage<{ turn: Turn; signal: AbortSignal }>();
  const network = createVenueFetch({
    ...{ clock, baseUrl, proxy, timeoutMs },
    currentSignal: () => current.getStore()?.signal ?? life.signal,
    onPause: (ms) => limiter.pause(ms),
    onDate: (offsetMs) => time.seen(offsetMs),
  });
  // Our own time limit is the shorter one: it includes the body.
  const opened = await openCcxtClient(id, { timeoutMs: timeoutMs + 1_000, fetch: network.fetch });
  if (opened === undefined) return undefined;
  const client = opened;
  const limiter = createLimiter({ clock, intervalMs: Math.max(intervalMs, client.rateLimit) });
  client.throttle = (weight = 1) => {
    current.getStore()?.turn.spend(weight);
    return Promise.resolve();
  };

  async function call<T>(
    op: string,
    work: () => Promise<T>,
    { priority = "live", signal }: Partial<TurnOptions> = {},
  ): Promise<T> {
    const ends = signal === undefined ? life.signal : AbortSignal.any([signal, life.signal]);
    try {
      return await limiter.run((turn) => current.run({ turn, signal: ends }, work), {
        priority,
        signal: ends,
      });
    } catch (error) {
      ends.throwIfAborted();
      throw venueError(error, { venue: id, op, pausedMs: limiter.pausedMs() });
    }
  }

  let loading: Promise<unknown> | undefined;
  async function loadMarkets(signal?: AbortSignal): Promise<void> {
    if (client.markets !== undefined) return;
    // Without a reload ccxt would answer a first failure for ever.
    loading ??= call("loadMarkets", () => client.loadMarkets(true))
      .finally(() => loading = undefined);
    await untilAborted(loading, signal);
  }

  const time = createVenueClock({
    clock,
    ask: client.has.fetchTime === true
      ? () => call("fetchTime", () => fetchTime(client))
      : undefined,
    knock: () => loadMarkets(),
  });

  return {
    ...{ id, client, call, loadMarkets },
    time: (signal) => time.time(signal),
    async close() {
      const reason = new DOMException(`${id} is closed`, "AbortError");
      life.abort(reason);
      limiter.close(reason);
      network.close();
      await client.close();
    },
  };
}

async function fetchTime(client: CcxtClient): Promise<number> {
  const answer = await client.fetchTime();
  if (Number.isFinite(answer)) return Number(answer);
  throw new VenueFailure("it does not tell its time", { retryable: true });
}

/** Refusal `validation_error` for an interval that the venue does not have. */
export function checkInterval(
  venue: Venue,
  interval: Interval,
  { without = [] }: { without?: readonly Interval[] } = {},
): void {
  const offered = INTERVALS.filter((one) =>
    one in (venue.client.timeframes ?? {}) && !without.includes(one)
  );
  if (offered.includes(interval)) return;
  throw new Refusal(
    "validation_error",
    `Cannot fetch ${interval} candles: ${venue.id} has ${offered.join(", ") || "none"}`,
    { field: "interval" },
  );
}
