import { retryAfterMs } from "@/adapters/retry_after.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { rebase } from "../base_url.ts";
import { proxyFor, type ProxySettings } from "../proxy.ts";
import { VenueFailure } from "./venue_failure.ts";

export interface VenueFetchOptions {
  readonly clock: Clock;
  /** Takes the place of all of the venue's REST hosts. */
  readonly baseUrl: string | undefined;
  readonly proxy: ProxySettings;
  /** For a whole answer, body included. */
  readonly timeoutMs: number;
  /** Aborts the request that is being made right now. */
  readonly currentSignal: () => AbortSignal | undefined;
  /** The venue asks for silence. */
  readonly onPause: (ms: number) => void;
  /** The venue's clock by an answer's Date header, minus ours, in ms. */
  readonly onDate: (offsetMs: number) => void;
}

export interface VenueFetch {
  fetch(url: string, init: RequestInit): Promise<VenueAnswer>;
  close(): void;
}

/** As much of a Response as ccxt looks at; the body is there already. */
export type VenueAnswer = Pick<Response, "status" | "statusText" | "headers" | "text">;

const RATE_LIMITED_MS = 10_000;
/** Binance answers 418 to an address that went on after 429, and bans from two minutes up. */
const BANNED_MS = 120_000;

/** The way out to one venue: redirected, proxied, bounded in time, and read to its end. */
export function createVenueFetch(options: VenueFetchOptions): VenueFetch {
  const clients = new Map<string, Deno.HttpClient>();

  function clientFor(url: URL): Deno.HttpClient | undefined {
    const proxy = proxyFor(url, options.proxy);
    if (proxy === undefined) return undefined;
    const client = clients.get(proxy) ?? Deno.createHttpClient({ proxy: { url: proxy } });
    clients.set(proxy, client);
    return client;
  }

  return {
    async fetch(text, { method, headers, body }) {
      const url = rebase(new URL(text), options.baseUrl);
      const client = clientFor(url);
      const signals = [options.currentSignal(), AbortSignal.timeout(options.timeoutMs)];
      const response = await fetch(url, {
        ...(method === undefined ? {} : { method }),
        ...(headers === undefined ? {} : { headers }),
        ...(body === undefined ? {} : { body }),
        ...(client === undefined ? {} : { client }),
        // No exchange redirects its API; a captive portal does.
        redirect: "error",
        signal: AbortSignal.any(signals.filter((signal) => signal !== undefined)),
      });
      const answer = await response.text();
      noteDate(response.headers, options);
      refuseFailure(response, options);
      if (response.ok && answer.startsWith("<")) {
        throw new VenueFailure("it answered a page for people, no data", { retryable: true });
      }
      const { status, statusText, headers: answered } = response;
      return { status, statusText, headers: answered, text: () => Promise.resolve(answer) };
    },
    close() {
      for (const client of clients.values()) client.close();
      clients.clear();
    },
  };
}

/** The header counts whole seconds: half a second is the best guess of what it left out. */
function noteDate(headers: Headers, { clock, onDate }: VenueFetchOptions): void {
  const date = Date.parse(headers.get("date") ?? "");
  if (!Number.isNaN(date)) onDate(date + 500 - clock.now());
}

function refuseFailure({ status, headers }: Response, options: VenueFetchOptions): void {
  if (status === 429 || status === 418) {
    options.onPause(
      retryAfterMs(headers, options.clock.now()) ?? (status === 429 ? RATE_LIMITED_MS : BANNED_MS),
    );
    throw new VenueFailure(`it asks for fewer requests (HTTP ${status})`, {
      retryable: true,
      hint: "EXCHANGE_INTERVAL_MS slows the requests down",
    });
  }
  if (status >= 500) {
    const waitMs = retryAfterMs(headers, options.clock.now());
    if (waitMs !== undefined) options.onPause(waitMs);
    throw new VenueFailure(`it answered HTTP ${status}`, { retryable: true });
  }
  if (status === 451) {
    throw new VenueFailure("it does not serve this place (HTTP 451)", {
      retryable: false,
      hint: "EXCHANGE_PROXY goes another way, EXCHANGE_URLS names a mirror",
    });
  }
}
