import type { EventStore } from "@/events/store/store.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { toWire } from "./wire.ts";

export interface StreamQuery {
  /** Position after which it starts; exclusive. */
  readonly after: number;
  readonly types: readonly string[] | undefined;
  readonly stream: string | undefined;
}

interface Deps {
  readonly store: Pick<EventStore, "readAll" | "head" | "subscribe">;
  readonly clock: Pick<Clock, "sleep">;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Called once, whoever ended it. */
  readonly onEnd: () => void;
}

const PAGE_EVENTS = 200;
const PAGE_BYTES = 1024 * 1024;

/** Shorter than what proxies wait before they give up a silent connection. */
const HEARTBEAT_MS = 15_000;

/**
 * The log as server-sent events: first what is there, then what comes. Reads a page only when the
 * reader has taken the one before, so a slow reader holds a page, not the log.
 */
export function streamEvents(
  { store, clock, signal, onEnd }: Deps,
  query: StreamQuery,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  const unsubscribe = store.subscribe(ring);
  let { after } = query;
  /** Something came since the last nap ended. */
  let rung = false;
  let nap: AbortController | undefined;
  function ring(): void {
    rung = true;
    nap?.abort();
  }
  function end(): void {
    unsubscribe();
    ring();
    onEnd();
  }
  if (stop.aborted) end();
  else stop.addEventListener("abort", end, { once: true });

  /** The next page as text; undefined when there is none now. */
  async function nextPage(): Promise<string | undefined> {
    // The head is read first: what it does not cover is left for the next page.
    const head = await store.head();
    const { types, stream } = query;
    const events = await store.readAll({
      ...{ after, limit: PAGE_EVENTS, maxBytes: PAGE_BYTES, types, stream },
    });
    const last = events.at(-1);
    after = last?.position ?? Math.max(after, head);
    if (last === undefined) return undefined;
    return events.map((event) =>
      `id: ${event.position}\ndata: ${JSON.stringify(toWire(event))}\n\n`
    )
      .join("");
  }

  /** Waits for what comes; says that it lives when nothing did. Leaves nothing that waits on. */
  async function heartbeat(): Promise<string> {
    nap = new AbortController();
    if (rung) nap.abort();
    const woken = await clock.sleep(HEARTBEAT_MS, nap.signal).then(() => false, () => true);
    nap = undefined;
    rung = false;
    return woken ? "" : ": still here\n\n";
  }

  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode("retry: 1000\n\n"));
    },
    async pull(controller) {
      try {
        while (!stop.aborted) {
          const text = await nextPage() ?? await heartbeat();
          if (text === "" || stop.aborted) continue;
          return controller.enqueue(encoder.encode(text));
        }
        controller.close();
      } catch (error) {
        ended.abort();
        controller.error(error);
      }
    },
    cancel() {
      ended.abort();
    },
  }, { highWaterMark: 1 });
}
