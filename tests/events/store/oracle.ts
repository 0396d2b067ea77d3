import { deepEqual, equal, ok } from "node:assert/strict";
import type { Recorded } from "@/events/define.ts";
import type { EventStore, Expected, StreamWrite } from "@/events/store/store.ts";
import { VersionConflict } from "@/events/store/store.ts";
import { counted } from "../../contract/event_store_catalog.ts";

/** One command of a random run: which streams, and what it believes of their versions. */
export interface Step {
  readonly streams: readonly string[];
  readonly belief: "any" | "none" | "read" | "stale";
  readonly count: number;
  /** Sent again afterwards, through another store. */
  readonly repeat: boolean;
}

export interface Sent {
  readonly commandId: string;
  readonly count: number;
  readonly outcome: "ok" | "conflict";
}

/** Carries a step out as a service would: reads, appends, and maybe sends the same once more. */
export async function carryOut(
  { streams, belief, count, repeat }: Step,
  [store, other]: readonly [EventStore, EventStore],
  commandId: string = crypto.randomUUID(),
): Promise<Sent> {
  const writes = await Promise.all([...new Set(streams)].map(async (stream) => ({
    stream,
    expected: await expectedOf(store, stream, belief),
    events: counted(...Array.from({ length: count }, (_, n) => n)),
  })));
  const outcome = await send(store, writes, commandId);
  if (repeat && outcome === "ok") equal(await send(other, writes, commandId), "duplicate");
  return {
    commandId,
    count: writes.length * count,
    outcome: outcome === "conflict" ? "conflict" : "ok",
  };
}

async function expectedOf(
  store: EventStore,
  stream: string,
  belief: Step["belief"],
): Promise<Expected> {
  if (belief === "any" || belief === "none") return belief;
  const { version } = await store.readStream(stream, { limit: 1 });
  return belief === "stale" ? Math.max(0, version - 1) : version;
}

async function send(
  store: EventStore,
  writes: readonly StreamWrite[],
  commandId: string,
): Promise<"ok" | "duplicate" | "conflict"> {
  try {
    const { duplicate } = await store.append(writes, { actor: "job:oracle", commandId });
    return duplicate ? "duplicate" : "ok";
  } catch (error) {
    if (error instanceof VersionConflict) return "conflict";
    throw error;
  }
}

export interface Tail {
  readonly seen: readonly Recorded[];
  /** Resolves when it has seen what there is now. */
  finish(): Promise<void>;
}

/** A reader that follows the log while it is written. */
export function tail(
  store: EventStore,
  { limit, maxBytes }: { limit: number; maxBytes: number },
): Tail {
  const seen: Recorded[] = [];
  let last: number | undefined;
  let wake = () => {};
  const stop = store.subscribe(() => wake());
  const done = (async () => {
    while (last === undefined || seen.length < last) {
      const after = seen.at(-1)?.position ?? 0;
      const page = await store.readAll({ after, limit, maxBytes });
      seen.push(...page);
      if (page.length > 0 || last !== undefined) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20);
        wake = () => (clearTimeout(timer), resolve());
      });
    }
  })();
  return {
    seen,
    async finish() {
      last = await store.head();
      wake();
      await done;
      stop();
    },
  };
}

/** Dense, ordered and complete: every accepted command once and whole, of the others nothing. */
export async function assertLog(store: EventStore, sent: readonly Sent[]): Promise<Recorded[]> {
  const log: Recorded[] = [];
  for (let page = await store.readAll({ after: 0, limit: 500 }); page.length > 0;) {
    log.push(...page);
    page = await store.readAll({ after: log.at(-1)?.position ?? 0, limit: 500 });
  }
  deepEqual(log.map(({ position }) => position), log.map((_, i) => i + 1), "positions are dense");
  for (const [stream, events] of Map.groupBy(log, (event) => event.stream)) {
    deepEqual(events.map(({ version }) => version), events.map((_, i) => i + 1), stream);
  }
  for (const [i, { at }] of log.entries()) ok(at >= (log[i - 1]?.at ?? at), "time goes on");
  const byCommand = Map.groupBy(log, ({ meta }) => meta.commandId);
  for (const { commandId, count, outcome } of sent) {
    const events = byCommand.get(commandId) ?? [];
    equal(events.length, outcome === "ok" ? count : 0, `${outcome} ${commandId}`);
    const first = events[0]?.position ?? 0;
    deepEqual(events.map(({ position }) => position - first), events.map((_, i) => i));
  }
  const accepted = sent.filter(({ outcome }) => outcome === "ok").map((s) => s.commandId);
  deepEqual([...byCommand.keys()].sort(), accepted.sort(), "no other events");
  return log;
}
