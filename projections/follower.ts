import type { Recorded } from "@/events/define.ts";
import type { Database } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import { type Clock, steadyNow } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import type { Projection, Projections } from "./define.ts";
import { createLogLoop } from "./follow_log.ts";
import { createHandover } from "./handover.ts";
import { loadMembers, type Member } from "./member.ts";
import { rebuildMember, type RebuildProgress } from "./rebuild.ts";
import { ensureSides, publishViews } from "./sides.ts";
import { readStatus } from "./status.ts";
import { type Awaited, createWaiters } from "./waiters.ts";

export interface FollowerOptions {
  readonly database: Database;
  readonly store: EventStore;
  readonly projections: readonly Projection[];
  readonly clock: Clock;
  readonly log: Log;
  /** How often to look whether another process has appended; notifications are faster. */
  readonly pollMs?: number;
}

export interface Follower extends Projections {
  start(): Promise<void>;
  /** Ends running rebuilds, finishes the batch at hand and lets all waiters go. */
  stop(): Promise<void>;
  /**
   * Fills the other side and swaps; resumes a failed projection. Throws RangeError for an unknown
   * name, and what the projection throws.
   */
  rebuild(
    name: string,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly progress?: Progress | undefined;
    },
  ): Promise<{ events: number }>;
  /** Position that every projection has passed which follows the log; 0 when none does. */
  appliedPosition(): number;
}

const RETRY_PUBLISH_MS = 60_000;

/** Keeps the read models up with the log: one loop a process, its members in groups by position. */
export function createFollower(options: FollowerOptions): Follower {
  const { database, store, projections, clock, log, pollMs = 1_000 } = options;
  const known = new Set(projections.map(({ name }) => name));
  const handover = createHandover();
  const waiters = createWaiters(outcomeOf);
  const listeners: ((events: readonly Recorded[] | undefined) => void)[] = [];
  const rebuilds = new Map<string, RebuildProgress>();
  const working = new Set<Promise<unknown>>();
  const stopping = new AbortController();
  const stopped = stopping.signal;
  const now = steadyNow(clock);
  const loop = createLogLoop({ database, store, clock, log, handover, stopped, onMoved });
  let members: readonly Member[] | undefined;
  let headAtStart = 0;
  let caughtUp = false;
  let publishAt = 0;
  let revision = 0;
  let unsubscribe = () => {};
  let polling: Promise<void> = Promise.resolve();

  function onMoved(events: readonly Recorded[] | undefined): void {
    handover.dropUpTo(leastPosition());
    // Nothing moved: somebody stopped.
    if (events === undefined || events.length > 0) {
      revision++;
      for (const listener of listeners) {
        try {
          listener(events);
        } catch (error) {
          log.error("a listener of the read models failed", { error: String(error) });
        }
      }
    }
    waiters.settle();
  }

  /** What everybody who follows has passed; Infinity when nobody does. */
  function leastPosition(): number {
    return (members ?? []).reduce(
      (least, { failed, position }) => failed === undefined ? Math.min(least, position) : least,
      Infinity,
    );
  }

  /** Undefined while those that follow are on their way; false when only stopped ones are missing. */
  function outcomeOf({ position, names }: Awaited): boolean | undefined {
    if (members === undefined) return undefined;
    const behind = members.filter((member) =>
      member.position < position && (names?.includes(member.projection.name) ?? true)
    );
    if (behind.length === 0) return true;
    return behind.every(({ failed }) => failed !== undefined) ? false : undefined;
  }

  function ready(): boolean {
    caughtUp ||= members !== undefined &&
      leastPosition() >= headAtStart;
    return caughtUp;
  }

  async function poll(): Promise<void> {
    track(loop.drain().then(publish));
    for (;;) {
      await clock.sleep(pollMs, stopped);
      loop.mustRead();
      loop.recheck();
      void loop.drain();
      track(publish());
    }
  }

  /** Views for people wait until there is something to see in them. */
  async function publish(): Promise<void> {
    if (!ready() || now() < publishAt) return;
    publishAt = Infinity;
    try {
      await publishViews(database, projections);
    } catch (error) {
      publishAt = now() + RETRY_PUBLISH_MS;
      log.warn("cannot publish the views", { error: String(error) });
    }
  }

  async function track<T>(work: Promise<T>): Promise<T> {
    working.add(work);
    return await work.finally(() => working.delete(work));
  }

  async function rebuildOne(
    member: Member,
    { signal, progress }: Parameters<Follower["rebuild"]>[1],
  ): Promise<{ events: number }> {
    const { name } = member.projection;
    const head = await store.head().catch(() => member.position);
    const state: RebuildProgress = { position: 0, head, trouble: undefined };
    rebuilds.set(name, state);
    try {
      return await rebuildMember({ database, store, clock }, member, {
        ...{ state, progress },
        signal: signal === undefined ? stopped : AbortSignal.any([signal, stopped]),
      });
    } finally {
      if (rebuilds.get(name) === state) rebuilds.delete(name);
      loop.recheck();
      await loop.drain();
    }
  }

  return {
    async start() {
      await ensureSides(database, projections);
      members = await loadMembers(database, projections);
      loop.join(members);
      headAtStart = await store.head();
      unsubscribe = store.subscribe((events) => {
        if (events.length === 0) loop.mustRead();
        else handover.add(events);
        void loop.drain();
      });
      polling = poll().catch(() => {});
    },
    async stop() {
      unsubscribe();
      stopping.abort(new Error("The follower stops"));
      await Promise.allSettled(working);
      await loop.idle();
      await polling;
      waiters.close();
    },
    async waitFor(position, timeoutMs = 2_000, names) {
      const awaited = { position, names };
      const unknown = names?.find((name) => !known.has(name));
      if (unknown !== undefined) {
        throw new RangeError(`Cannot wait for ${unknown}: no such projection`);
      }
      const outcome = outcomeOf(awaited);
      if (outcome !== undefined) return outcome;
      if (!handover.isAhead(position - 1)) loop.mustRead();
      void loop.drain();
      return await waiters.wait(awaited, timeoutMs);
    },
    status: () => readStatus({ database, store }, members ?? [], rebuilds),
    ready,
    revision: () => revision,
    appliedPosition: () => leastPosition() === Infinity ? 0 : leastPosition(),
    onApplied: (listener) => void listeners.push(listener),
    async rebuild(name, how) {
      const member = members?.find(({ projection }) => projection.name === name);
      if (member === undefined) throw new RangeError(`Cannot rebuild ${name}: no such projection`);
      return await track(rebuildOne(member, how));
    },
  };
}
