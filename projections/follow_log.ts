import type { Recorded } from "@/events/define.ts";
import type { Database } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import { applyBatch, isFatal, isUnreachable } from "./apply_batch.ts";
import { BATCH, shareOut } from "./batch.ts";
import { recordError } from "./checkpoints.ts";
import { FoldFailed } from "./fold.ts";
import type { Handover } from "./handover.ts";
import { ease, type Member, reload } from "./member.ts";

interface LoopOptions {
  readonly database: Database;
  readonly store: EventStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly handover: Handover;
  readonly stopped: AbortSignal;
  /** Positions or states of members changed, by these events; undefined: by another instance. */
  readonly onMoved: (events: readonly Recorded[] | undefined) => void;
}

/**
 * The one place that moves members: passes follow each other, never two at a time. Batches of many
 * rows are written beside them, while the members that they concern are left out.
 */
export interface LogLoop {
  join(members: readonly Member[]): void;
  /** Until everybody who can is at the end of the log. Callers share the running pass. */
  drain(): Promise<void>;
  /** There may be events that were not handed over: the next pass reads. */
  mustRead(): void;
  /** Other instances may have moved the checkpoints: the next pass asks. */
  recheck(): void;
  /** Ends after the batches at hand. */
  idle(): Promise<void>;
}

interface Batch {
  readonly from: number;
  readonly events: readonly Recorded[];
}

const RETRY_FAILED_MS = 60_000;
const LEAST_WAIT_MS = 50;
const MAX_WAIT_MS = 10_000;

export function createLogLoop(options: LoopOptions): LogLoop {
  const { database, store, clock, log, handover, stopped, onMoved } = options;
  let members: readonly Member[] = [];
  let unread = true;
  let unchecked = false;
  let wanted = false;
  let running: Promise<void> | undefined;
  let wake = () => {};
  /** Who is written to beside the passes, and until when. */
  const busy = new Map<Member, Promise<void>>();
  /** What another instance moves, or is about to. */
  const refused = new Set<Member>();

  /** What arrives during a round asks for another one. */
  async function pass(): Promise<void> {
    try {
      while (!stopped.aborted) {
        wanted = false;
        if (await round() || wanted) continue;
        if (busy.size === 0) break;
        await new Promise<void>((resolve) => wake = resolve);
      }
    } catch (error) {
      log.error("following the log failed", { error: messageOf(error) });
    } finally {
      running = undefined;
    }
  }

  /** One batch for each group of members at the same position, the foremost first. */
  async function round(): Promise<boolean> {
    await refresh();
    const newest = Math.max(0, ...members.map(({ position }) => position));
    const due = members.filter((member) => !member.stale && !busy.has(member) && isDue(member));
    const groups = [...Map.groupBy(due, ({ position }) => position)].sort(([a], [b]) => b - a);
    const mustRead = unread;
    if (groups[0]?.[0] === newest) unread = false;
    let moved = false;
    for (const [position, group] of groups) {
      if (stopped.aborted) break;
      try {
        const found = await eventsAfter(position, { newest, mustRead });
        if (found.length === 0) {
          group.filter(({ failed }) => failed === undefined).forEach(ease);
          continue;
        }
        for (const { members, events, isHeavy } of shareOut(group, found)) {
          const batch = { from: position, events };
          if (isHeavy) advanceAside(members, batch);
          else moved = await advance(members, batch) || moved;
        }
      } catch (error) {
        unread = true;
        group.forEach((member) => setBack(member, error));
      }
    }
    return moved;
  }

  /** Those that are behind get no further than the foremost were, and so join them. */
  async function eventsAfter(
    position: number,
    { newest, mustRead }: { newest: number; mustRead: boolean },
  ): Promise<readonly Recorded[]> {
    const handed = handover.after(position);
    if (handed.length > 0) return handed;
    const behind = newest - position;
    if (behind === 0 && !mustRead && !handover.isAhead(position)) return [];
    const limit = behind === 0 ? BATCH.events : Math.min(behind, BATCH.events);
    const events = await store.readAll({ after: position, limit, maxBytes: BATCH.bytes });
    // There may be more than fits a page.
    if (behind === 0 && events.length > 0) unread = true;
    return events;
  }

  /** Another pass is due when it has ended. */
  function advanceAside(group: readonly Member[], batch: Batch): void {
    const work = advance(group, batch).then(() => {
      group.forEach((member) => busy.delete(member));
      void drain();
    });
    group.forEach((member) => busy.set(member, work));
  }

  /** Answers whether a round more makes sense at once. */
  async function advance(group: readonly Member[], batch: Batch): Promise<boolean> {
    try {
      const moved = await applyBatch(database, group, batch);
      const to = batch.events.at(-1)?.position ?? batch.from;
      for (const member of group) {
        if (!moved.has(member.name)) {
          member.stale = true;
          refused.add(member);
          continue;
        }
        member.position = to;
        member.failed = undefined;
        ease(member);
      }
      if (moved.size > 0) onMoved(moved.size === group.length ? batch.events : undefined);
      return true;
    } catch (error) {
      const [only, ...others] = group;
      if (only === undefined || isUnreachable(error)) {
        group.forEach((member) => setBack(member, error));
        return false;
      }
      // One of them is at fault, and only that one shall stop or wait.
      if (others.length > 0) {
        let moved = false;
        for (const member of group) moved = await advance([member], batch) || moved;
        return moved;
      }
      if (isFatal(error)) return await stop(only, batch, error);
      setBack(only, error);
      return false;
    }
  }

  /** It stops right before the event that it cannot take, wherever the batch began. */
  async function stop(member: Member, batch: Batch, error: unknown): Promise<boolean> {
    const { events } = batch;
    const good = error instanceof FoldFailed
      ? events.filter(({ position }) => position < error.event.position)
      : events.slice(0, events.length >> 1);
    if (good.length > 0) return await advance([member], { ...batch, events: good });
    const reason = messageOf(error);
    const { sql, params = [] } = recordError(member, reason);
    member.rows.clear();
    try {
      if ((await database.query(sql, params)).length === 0) {
        // Another instance has moved it: what was folded may have been half of each.
        member.stale = true;
        return true;
      }
    } catch (trouble) {
      setBack(member, trouble);
      return false;
    }
    if (member.failed !== reason) {
      log.error("a projection stopped", { projection: member.name, error: reason });
    }
    member.failed = reason;
    member.trouble = undefined;
    resumeIn(member, RETRY_FAILED_MS);
    onMoved([]);
    return false;
  }

  /** The world's fault: wait a little longer each time, then ask the database where we are. */
  function setBack(member: Member, error: unknown): void {
    member.trouble = messageOf(error);
    member.stale = true;
    member.rows.clear();
    member.waitMs = Math.min(Math.max(member.waitMs * 2, LEAST_WAIT_MS), MAX_WAIT_MS);
    log.warn("a projection waits", {
      ...{ projection: member.name, error: member.trouble, waitMs: member.waitMs },
    });
    resumeIn(member, member.waitMs);
  }

  function resumeIn(member: Member, ms: number): void {
    const resumeAt = clock.now() + ms;
    member.resumeAt = resumeAt;
    clock.sleep(ms, stopped).then(() => {
      // By the clock it may not be time: it may have been set back.
      if (member.resumeAt === resumeAt) member.resumeAt = 0;
      return drain();
    }, () => {});
  }

  async function refresh(): Promise<void> {
    const asked = members.filter((member) =>
      !busy.has(member) && (member.stale || unchecked) &&
      (member.failed !== undefined || isDue(member))
    );
    unchecked = false;
    if (asked.length === 0) return;
    try {
      const moved = await reload(database, asked);
      for (const member of asked) {
        if (refused.delete(member) && !moved.has(member)) resumeIn(member, LEAST_WAIT_MS);
      }
      if (moved.size > 0) onMoved(undefined);
    } catch (error) {
      asked.filter(({ failed }) => failed === undefined).forEach((member) =>
        setBack(member, error)
      );
    }
  }

  function isDue({ resumeAt }: Member): boolean {
    return resumeAt <= clock.now();
  }

  function drain(): Promise<void> {
    wanted = true;
    wake();
    running ??= pass();
    return running;
  }

  return {
    join(joined) {
      members = joined;
      unread = true;
    },
    drain,
    mustRead() {
      unread = true;
    },
    recheck() {
      unchecked = true;
    },
    async idle() {
      await Promise.all([running, ...busy.values()]);
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
