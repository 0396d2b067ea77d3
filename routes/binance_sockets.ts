import type { AppDeps } from "./app_deps.ts";
import type { BarStreams } from "./bar_streams.ts";
import { BinanceError, invalidParameter } from "./binance_errors.ts";
import { type BinanceSession, createBinanceSession } from "./binance_session.ts";
import { MAX_STREAMS, streamOf, tooManyStreams } from "./binance_stream.ts";
import { clientAddress } from "./client_address.ts";
import type { AppContext } from "./envelope.ts";
import { type Dialect, foreign, type ForeignRouter } from "./foreign.ts";
import type { Listing } from "./listings.ts";
import { createPlaces } from "./places.ts";

interface Deps extends Pick<AppDeps, "clock" | "log" | "settings" | "signal"> {
  readonly dialect: Dialect;
  readonly streams: BarStreams;
  /** Symbols of the venue that the path names. */
  readonly listed: (c: AppContext) => Promise<readonly Listing[]>;
}

/** Shorter than what proxies wait. */
const SILENCE_S = 40;
const MAX_SOCKETS = 1_000;
const MAX_SOCKETS_A_CALLER = 200;

const SINGLE = [
  ...["/compat/binance/ws", "/compat/binance/ws/{streams}", "/ws/{number}"],
  ...["/compat/binance/{exchange}/ws", "/compat/binance/{exchange}/ws/{streams}"],
];
const COMBINED = ["/compat/binance/stream", "/compat/binance/{exchange}/stream"];

/** Binance's WebSocket streams, those of klines. */
export function addBinanceSockets(router: ForeignRouter, deps: Deps): void {
  const { clock, log, settings, signal, streams, listed } = deps;
  const places = createPlaces({ total: MAX_SOCKETS, perCaller: MAX_SOCKETS_A_CALLER });
  const dialect: Dialect = {
    ...deps.dialect,
    token: (c) => protocolOf(c)?.token ?? deps.dialect.token?.(c),
  };

  async function connect(c: AppContext, names: readonly string[], combined: boolean) {
    const perMs = timeUnit(c);
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket") throw noSocket();
    if (names.length > MAX_STREAMS) throw tooManyStreams();
    // Wrong names are told while there is still an answer to tell it in.
    const listings = names.length === 0 ? [] : await listed(c);
    for (const name of names) streamOf(name, listings);
    signal.throwIfAborted();
    const leave = places.take(callerOf(c, settings.trustProxy));
    const { socket, response } = upgrade(c, leave, settings.socketSilenceS ?? SILENCE_S);
    const session = createBinanceSession({
      ...{ streams, clock, log, listed: () => listed(c) },
      peer: {
        // It may have begun to close a moment ago.
        send: (text) => socket.readyState === WebSocket.OPEN && socket.send(text),
        close: (code, reason) => socket.close(code, reason),
        bufferedBytes: () => socket.bufferedAmount,
      },
    }, { combined, perMs });
    attach(socket, session, { names, leave, signal });
    return response;
  }

  const summary = "A WebSocket of klines as they come";
  const spec = { method: "get", access: "market", dialect } as const;
  foreign(router, { ...spec, paths: SINGLE, summary }, (c) => {
    const path = c.req.param("streams") ?? "";
    return connect(c, /^\d+$/.test(path) ? [] : namesIn(path), false);
  });
  foreign(router, { ...spec, paths: COMBINED, summary: `${summary}, each named` }, (c) => {
    return connect(c, namesIn(new URL(c.req.url).searchParams.get("streams") ?? ""), true);
  });
}

function upgrade(c: AppContext, leave: () => void, idleTimeout: number): Deno.WebSocketUpgrade {
  try {
    const name = protocolOf(c)?.name;
    return Deno.upgradeWebSocket(c.req.raw, {
      idleTimeout,
      ...(name === undefined ? {} : { protocol: name }),
    });
  } catch (error) {
    leave();
    if (error instanceof TypeError) throw noSocket();
    throw error;
  }
}

/** Binds a session to its connection, from the first name to the end of either side. */
function attach(
  socket: WebSocket,
  session: BinanceSession,
  { names, leave, signal }: {
    readonly names: readonly string[];
    readonly leave: () => void;
    readonly signal: AbortSignal;
  },
): void {
  const stop = () => session.close(1001, "The service is stopping");
  signal.addEventListener("abort", stop, { once: true });
  socket.onopen = () => session.start(names);
  socket.onmessage = ({ data }) => session.receive(data);
  socket.onclose = () => {
    // It may come twice: after an error, too.
    socket.onclose = null;
    signal.removeEventListener("abort", stop);
    session.end();
    leave();
  };
}

function namesIn(text: string): readonly string[] {
  return text.split("/").filter((name) => name !== "");
}

function noSocket(): BinanceError {
  return new BinanceError(-1020, "This operation is not supported: open it as a WebSocket.", 426);
}

function timeUnit(c: AppContext): 1 | 1_000 {
  const unit = new URL(c.req.url).searchParams.get("timeUnit")?.toUpperCase() ?? "MILLISECOND";
  if (unit === "MILLISECOND") return 1;
  if (unit === "MICROSECOND") return 1_000;
  throw invalidParameter("timeUnit");
}

/** A browser cannot set headers: its token comes as the subprotocol `bearer.<token>`. */
function protocolOf(c: AppContext): { readonly name: string; readonly token: string } | undefined {
  const names = c.req.header("sec-websocket-protocol")?.split(",").map((name) => name.trim());
  const name = names?.find((one) => one.startsWith("bearer."));
  return name === undefined ? undefined : { name, token: name.slice("bearer.".length) };
}

function callerOf(c: AppContext, trustProxy: number): string {
  const actor = c.get("actor");
  if (actor?.kind === "caller") return actor.id;
  return clientAddress(c.env, c.req.header("x-forwarded-for"), trustProxy);
}
