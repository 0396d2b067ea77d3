import type { Recorded } from "@/events/define.ts";
import { type Database, DatabaseError } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Progress } from "@/domain/ports/progress.ts";
import { applyBatch, isFatal } from "./apply_batch.ts";
import { recordError } from "./checkpoints.ts";
import type { Projection, Projections, ProjectionStatus } from "./define.ts";
import { createHandover } from "./handover.ts";
import { loadMembers, type Member, reload } from "./member.ts";
import { rebuildMember, type RebuildProgress } from "./rebuild.ts";
import { ensureSides } from "./sides.ts";
import { createWaiters } from "./waiters.ts";

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
  stop(): Promise<void>;
  /** Fills the other side and swaps; resumes a failed projection. Throws RangeError for an unknown name. */
  rebuild(
    name: string,
    options: {
      readonly signal?: AbortSignal | undefined;
      readonly progress?: Progress | undefined;
    },
  ): Promise<{ events: number }>;
  /** Tells which events the rows now show; undefined when another instance moved them on. */
  onApplied(listener: (events: readonly Recorded[] | undefined) => void): void;
}

const PAGE_EVENTS = 1_000;
/** A batch of small kline events stays below what one statement should carry. */
const PAGE_BYTES = 4 * 1024 * 1024;
const RETRY_FAILED_MS = 60_000;
const MAX_TROUBLE_WAIT_MS = 10_000;

/** Keeps the read models up with the log: one loop a process, its members in groups by position. */
export function createFollower(options: FollowerOptions): Follower {
  const { database, store, projections, clock, log, pollMs = 1_000 } = options;
  const handover = createHandover();
  const waiters = createWaiters();
  const listeners: ((events: readonly Recorded[] | undefined) => void)[] = [];
  const rebuilds = new Map<string, RebuildProgress>();
  const stopped = new AbortController();
  let members: readonly Member[] = [];
  let unread = true;
  let draining: Promise<void> | undefined;
  let polling: Promise<void> = Promise.resolve();
  let headAtStart = 0;
  let troubleWaitMs = 0;
  const unsubscribe = store.subscribe((events) => {
    if (events.length === 0) unread = true;
    else handover.add(events);
    void drain();
  });

  function live(): readonly Member[] {
    return members.filter(({ failed }) => failed === undefined);
  }

  function appliedPosition(): number {
    return live().reduce((least, { position }) => Math.min(least, position), Infinity);
  }

  /** Callers share the running pass; what arrives meanwhile is seen by it. */
  function drain(): Promise<void> {
    draining ??= pass().finally(() => draining = undefined);
    return draining;
  }

  async function pass(): Promise<void> {
    while (!stopped.signal.aborted) {
      try {
        if (!await step()) return;
        troubleWaitMs = 0;
      } catch (error) {
        await recover(error);
      }
    }
  }

  /** One batch for the group that is furthest behind; false when everybody is up to date. */
  async function step(): Promise<boolean> {
    const groups = Map.groupBy(live(), ({ position }) => position);
    for (const position of [...groups.keys()].sort((a, b) => a - b)) {
      const events = await eventsAfter(position);
      if (events.length === 0) continue;
      await advance(groups.get(position) ?? [], { from: position, events });
      return true;
    }
    unread = false;
    return false;
  }

  async function eventsAfter(position: number): Promise<readonly Recorded[]> {
    const handed = handover.after(position);
    if (handed.length > 0) return handed.slice(0, PAGE_EVENTS);
    const newest = Math.max(0, ...live().map((member) => member.position));
    if (!unread && position >= newest && !handover.isAhead(position)) return [];
    return await store.readAll({ after: position, limit: PAGE_EVENTS, maxBytes: PAGE_BYTES });
  }

  async function advance(
    group: readonly Member[],
    batch: { from: number; events: readonly Recorded[] },
  ): Promise<void> {
    try {
      const moved = await applyBatch(database, group, batch);
      const to = batch.events.at(-1)?.position ?? batch.from;
      for (const member of group) {
        member.trouble = undefined;
        if (moved.has(member.name)) member.position = to;
      }
      const lost = group.filter(({ name }) => !moved.has(name));
      if (lost.length > 0) await reload(database, lost);
      listeners.forEach((listener) => listener(lost.length > 0 ? undefined : batch.events));
      settle();
    } catch (error) {
      if (!isFatal(error)) throw error;
      if (group.length > 1) {
        for (const member of group) await advance([member], batch);
        return;
      }
      for (const member of group) await fail(member, error);
    }
  }

  function settle(): void {
    const applied = appliedPosition();
    handover.dropUpTo(applied);
    waiters.passed(applied);
  }

  async function fail(member: Member, error: unknown): Promise<void> {
    member.failed = error instanceof Error ? error.message : String(error);
    member.rows.clear();
    log.error("a projection stopped", { projection: member.name, error: member.failed });
    settle();
    const { sql, params = [] } = recordError(member, member.failed);
    await database.query(sql, params);
  }

  /** The world's fault: wait a little longer each time, then ask the database where we are. */
  async function recover(error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error);
    if (!(error instanceof DatabaseError)) log.error("following failed", { error: reason });
    troubleWaitMs = Math.min(Math.max(troubleWaitMs * 2, 50), MAX_TROUBLE_WAIT_MS);
    for (const member of live()) {
      member.trouble = reason;
      member.rows.clear();
    }
    log.warn("the read models wait", { error: reason, waitMs: troubleWaitMs });
    await clock.sleep(troubleWaitMs, stopped.signal).catch(() => {});
    if (!stopped.signal.aborted) await reload(database, members).catch(() => false);
  }

  async function poll(): Promise<void> {
    let sinceRetryMs = 0;
    while (!stopped.signal.aborted) {
      try {
        await clock.sleep(pollMs, stopped.signal);
      } catch {
        return;
      }
      sinceRetryMs += pollMs;
      if (sinceRetryMs >= RETRY_FAILED_MS) {
        sinceRetryMs = 0;
        for (const member of members) member.failed = undefined;
      }
      unread = true;
      // Another instance may have moved everybody on without an event that we have not seen.
      const moved = await reload(database, live()).catch(() => false);
      if (moved) listeners.forEach((listener) => listener(undefined));
      await drain();
    }
  }

  return {
    async start() {
      await ensureSides(database, projections);
      members = await loadMembers(database, projections);
      headAtStart = await store.head();
      polling = poll();
      void drain();
    },
    async stop() {
      stopped.abort();
      unsubscribe();
      await draining;
      await polling;
      waiters.close();
    },
    async waitFor(position, timeoutMs = 2_000) {
      if (appliedPosition() >= position) return true;
      if (handover.after(appliedPosition()).length === 0) unread = true;
      void drain();
      return await waiters.wait(position, timeoutMs);
    },
    async status() {
      const head = await store.head();
      return members.map((member) => statusOf(member, head, rebuilds.get(member.projection.name)));
    },
    ready: () => members.length > 0 && live().every(({ position }) => position >= headAtStart),
    appliedPosition,
    onApplied: (listener) => void listeners.push(listener),
    async rebuild(name, { signal, progress }) {
      const member = members.find(({ projection }) => projection.name === name);
      if (member === undefined) throw new RangeError(`Cannot rebuild ${name}: no such projection`);
      const state: RebuildProgress = { position: 0, head: await store.head() };
      rebuilds.set(name, state);
      try {
        const result = await rebuildMember({ database, store, clock }, member, {
          ...{ signal, progress, state },
        });
        await reload(database, [member]);
        member.failed = undefined;
        listeners.forEach((listener) => listener(undefined));
        void drain();
        return result;
      } finally {
        rebuilds.delete(name);
      }
    },
  };
}

function statusOf(
  { projection, position, failed, trouble }: Member,
  head: number,
  rebuild: RebuildProgress | undefined,
): ProjectionStatus {
  const lag = Math.max(0, head - position);
  const following = failed !== undefined ? "failed" : lag === 0 ? "live" : "behind";
  return {
    name: projection.name,
    version: projection.version,
    status: rebuild === undefined ? following : "rebuilding",
    position,
    lag,
    progress: rebuild && (rebuild.head === 0 ? 1 : Math.min(1, rebuild.position / rebuild.head)),
    lastError: failed ?? trouble,
  };
}
