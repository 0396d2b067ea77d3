import { DEFAULT_OUTBOX } from "@/domain/alerts/outbox.ts";
import { isOwed } from "@/domain/alerts/owed.ts";
import {
  dueAlerts,
  NO_ALERTS,
  noteAlert,
  noteRun,
  type SourceAlerts,
} from "@/domain/alerts/rules.ts";
import { Refusal } from "@/domain/decider.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { databaseErrorIn } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import { CRAWLER_MODELS, type CrawlerQueries } from "@/projections/crawler_queries.ts";
import type { Projections } from "@/projections/define.ts";
import type { AlertSender } from "./alert_sender.ts";
import { failureFields } from "./error_message.ts";
import { createKeyedTurns } from "./keyed_turns.ts";

export interface AlertWatchOptions {
  readonly queries: Pick<CrawlerQueries, "alertsOf" | "untold" | "undelivered">;
  readonly projections: Pick<Projections, "waitFor">;
  readonly store: Pick<EventStore, "head">;
  readonly sender: AlertSender;
  /** Names of the channels. */
  readonly channels: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
}

/** Sees to it that whatever ends for good is told, once, whoever dies on the way. */
export interface AlertWatch {
  /** A run of ours has ended; also said when the database could not be told of it. */
  ended(event: CrawlerRunEvent): void;
  /** Tells what is due by now, and what dead processes left untold. To be called every minute. */
  tick(): Promise<void>;
  /** Waits until what ended before is told. */
  settled(): Promise<void>;
}

const READ_MS = 5_000;
/** A channel waits for at most a quarter of an hour; who is silent for longer is gone. */
const LEFT_MS = 20 * 60_000;
/** What is older was told or given up, unless nobody was there to do so. */
const LOOK_BACK_MS = DEFAULT_OUTBOX.longestMs + 24 * 3_600_000;

export function createAlertWatch(options: AlertWatchOptions): AlertWatch {
  const { queries, projections, store, sender, channels, clock, log } = options;
  const turns = createKeyedTurns();
  /** What people know, for as long as the database cannot say it. */
  const lastKnown = new Map<string, SourceAlerts>();
  const working = new Set<Promise<void>>();
  let isFirst = true;

  async function tell(source: string, state: SourceAlerts): Promise<SourceAlerts> {
    let told = state;
    for (const alert of dueAlerts(state, { source, at: clock.now() })) {
      try {
        await sender.raise(alert);
      } catch (error) {
        // Another instance has told of these runs in other words; its read model follows.
        if (!(error instanceof Refusal && error.code === "conflict")) throw error;
        return told;
      }
      told = noteAlert(told, alert);
    }
    return told;
  }

  async function readState(source: string): Promise<SourceAlerts> {
    await projections.waitFor(await store.head(), READ_MS, CRAWLER_MODELS);
    return await queries.alertsOf(source);
  }

  async function tellEnded(event: CrawlerRunEvent): Promise<void> {
    const { source, runId } = event.data;
    let state: SourceAlerts;
    try {
      state = await readState(source);
    } catch (error) {
      if (databaseErrorIn(error) === undefined) throw error;
      state = lastKnown.get(source) ?? NO_ALERTS;
      log.warn("telling of a run by what was known before", {
        run: runId,
        ...failureFields(error),
      });
    }
    // A read model that lags, or a run that could not be recorded yet.
    const isNoted = JSON.stringify(state).includes(runId);
    lastKnown.set(source, await tell(source, isNoted ? state : noteRun(state, event)));
  }

  async function resume(): Promise<void> {
    const now = clock.now();
    const inHand = sender.undelivered();
    const since = isFirst ? 0 : now - LOOK_BACK_MS;
    for (const { alert, deliveries } of await queries.undelivered(channels, since)) {
      const heard = Object.values(deliveries).map(({ at, retryAt }) => Math.max(at, retryAt ?? 0));
      const lastAt = Math.max(alert.raisedAt, ...heard);
      // At the start also what others may have in hand: whoever has the channel's turn looks first.
      const isLeft = isFirst || now - lastAt > LEFT_MS;
      if (!isLeft) continue;
      const lacking = channels.filter((name) =>
        isOwed(alert, name, deliveries[name]?.status) &&
        inHand[name]?.some((letter) => letter.alert.alertId === alert.alertId) !== true
      );
      if (lacking.length > 0) sender.resume(alert, lacking);
    }
    isFirst = false;
  }

  function inTurn(source: string, work: () => Promise<unknown>): Promise<void> {
    const done = turns(source, work).then(
      () => {},
      (error: unknown) =>
        log.error("cannot tell what a source did", { source, ...failureFields(error) }),
    )
      .finally(() => working.delete(done));
    working.add(done);
    return done;
  }

  return {
    ended(event) {
      void inTurn(event.data.source, () => tellEnded(event));
    },
    async tick() {
      try {
        if (channels.length > 0) await resume();
        const sources = [...(await queries.untold()).keys()];
        await Promise.all(
          sources.map((source) =>
            inTurn(
              source,
              async () => lastKnown.set(source, await tell(source, await readState(source))),
            )
          ),
        );
      } catch (error) {
        log.warn("cannot look for what is to be told", failureFields(error));
      }
    },
    async settled() {
      await Promise.all(working);
    },
  };
}
