import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { BarStreams } from "./bar_streams.ts";
import { BinanceError } from "./binance_errors.ts";
import { klineMessage, MAX_STREAMS, streamOf, tooManyStreams } from "./binance_stream.ts";
import { BadRequest, parseStreamRequest, type StreamRequest } from "./binance_stream_requests.ts";
import type { Listing } from "./listings.ts";

/** The client's end of a connection. */
export interface Peer {
  send(text: string): unknown;
  close(code: number, reason: string): void;
  /** Bytes sent that the client has not taken yet. */
  bufferedBytes(): number;
}

interface Deps {
  readonly peer: Peer;
  readonly streams: BarStreams;
  /** Symbols of the venue. */
  readonly listed: () => Promise<readonly Listing[]>;
  readonly clock: Pick<Clock, "now">;
  readonly log: Pick<Log, "warn">;
}

export interface SessionOptions {
  /** Each message says which stream it belongs to. */
  readonly combined: boolean;
  /** Units of time in a ms. */
  readonly perMs: 1 | 1_000;
}

/** One connection of a client of Binance's streams. */
export interface BinanceSession {
  /** Once it is open, with the streams that its address names. */
  start(names: readonly string[]): void;
  receive(data: unknown): void;
  close(code: number, reason: string): void;
  /** Nothing is sent any more. */
  end(): void;
}

const MAX_MESSAGE_CHARS = 64 * 1024;
/** More requests in a second than this end the connection. */
const MAX_REQUESTS = 100;
const WINDOW_MS = 1_000;
/** A client that is so far behind is given up; the memory of a connection is bounded by it. */
const MAX_BUFFERED_BYTES = 256 * 1024;

const CLOSE = { unsupported: 1003, policy: 1008, tooLarge: 1009, broken: 1011 } as const;

export function createBinanceSession(
  { peer, streams, listed, clock, log }: Deps,
  { combined: given, perMs }: SessionOptions,
): BinanceSession {
  const followed = new Map<string, () => void>();
  let combined = given;
  let ended = false;
  let window = { since: 0, requests: 0 };
  let work: Promise<void> = Promise.resolve();

  function end(): void {
    ended = true;
    for (const stop of followed.values()) stop();
    followed.clear();
  }

  function close(code: number, reason: string): void {
    if (ended) return;
    end();
    peer.close(code, reason);
  }

  function send(message: unknown): void {
    if (ended) return;
    peer.send(JSON.stringify(message));
    if (peer.bufferedBytes() > MAX_BUFFERED_BYTES) close(CLOSE.policy, "Too slow a reader");
  }

  async function subscribe(names: readonly string[]): Promise<void> {
    const listings = await listed();
    const wanted = [...new Set(names)].filter((name) => !followed.has(name))
      .map((name) => ({ name, ...streamOf(name, listings) }));
    if (followed.size + wanted.length > MAX_STREAMS) throw tooManyStreams();
    // The client may have gone while the symbols were looked up.
    if (ended) return;
    for (const { name, ticker, series, interval } of wanted) {
      const stop = streams.follow(series, interval, (bar, closed) => {
        const data = klineMessage(bar, { closed, ticker, interval, now: clock.now(), perMs });
        send(combined ? { stream: name, data } : data);
      });
      followed.set(name, stop);
    }
  }

  async function open(names: readonly string[]): Promise<void> {
    try {
      await subscribe(names);
    } catch (error) {
      if (!(error instanceof BinanceError)) log.warn("streams could not be opened", { error });
      close(CLOSE.broken, "The streams could not be opened");
    }
  }

  async function carryOut(request: StreamRequest): Promise<unknown> {
    switch (request.method) {
      case "SUBSCRIBE":
        await subscribe(request.streams);
        return null;
      case "UNSUBSCRIBE":
        for (const name of request.streams) {
          followed.get(name)?.();
          followed.delete(name);
        }
        return null;
      case "LIST_SUBSCRIPTIONS":
        return [...followed.keys()];
      case "GET_PROPERTY":
        return combined;
      case "SET_PROPERTY":
        combined = request.combined;
        return null;
    }
  }

  async function answer(text: string): Promise<void> {
    let id: StreamRequest["id"] | undefined;
    try {
      const request = parseStreamRequest(text);
      id = request.id;
      send({ result: await carryOut(request), id });
    } catch (error) {
      const told = error instanceof BinanceError;
      if (!told) log.warn("a request for streams failed", { error });
      const { code, message: msg } = told ? error : UNABLE;
      if (error instanceof BadRequest) id = error.id;
      send({ error: { code, msg }, ...(id === undefined ? {} : { id }) });
    }
  }

  return {
    end,
    close,
    start(names) {
      if (names.length > 0) work = work.then(() => open(names));
    },
    receive(data) {
      if (typeof data !== "string") return close(CLOSE.unsupported, "Only text is understood");
      if (data.length > MAX_MESSAGE_CHARS) return close(CLOSE.tooLarge, "Too large a request");
      const now = clock.now();
      if (Math.abs(now - window.since) >= WINDOW_MS) window = { since: now, requests: 0 };
      if (++window.requests > MAX_REQUESTS) return close(CLOSE.policy, "Too many requests");
      work = work.then(() => answer(data));
    },
  };
}

const UNABLE = { code: -1001, message: "Internal error; unable to process your request." };
