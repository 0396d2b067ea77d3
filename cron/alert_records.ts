import { alert as alertDecider, type AlertCommand } from "@/domain/alert.ts";
import { handle } from "@/domain/handle.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { RaisedAlert } from "@/events/catalog/alert.ts";
import { DatabaseError } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { failureFields } from "./error_message.ts";

/** What the log is told of alerts, for as long as the database takes to come back. */
export interface AlertRecords {
  /** At once: whether it was news to the log, or ours of before. What another instance said alike is neither. */
  record(command: AlertCommand): Promise<boolean>;
  /** In the order in which it happened, as soon as it can be. */
  note(command: AlertCommand): void;
  /** An alert that was told here and whose record waits for the database. */
  untaken(alertId: string): RaisedAlert | undefined;
  /** Resolves when all that was noted is recorded, or cannot be at the moment. */
  settled(): Promise<void>;
  /** Resolves after the signal's abort, when what was noted has had its last chance. */
  ended(): Promise<void>;
}

/** The same words give the same command: what was recorded before is not recorded again. */
const NAMESPACE = "7f0f5a52-3c0c-5d5e-9a53-8b7c7f6e21d4";
const AGAIN_MS = 5_000;

export function createAlertRecords(
  { store, clock, log }: {
    readonly store: EventStore;
    readonly clock: Pick<Clock, "sleep">;
    readonly log: Log;
  },
  signal: AbortSignal,
): AlertRecords {
  const instance = crypto.randomUUID();
  const waiting: AlertCommand[] = [];
  let [recording, settling] = [Promise.resolve(), Promise.withResolvers<void>()];
  let state: "idle" | "busy" | "down" = "idle";

  async function record(command: AlertCommand): Promise<boolean> {
    const commandId = uuidV5(NAMESPACE, `${instance} ${JSON.stringify(command)}`);
    const meta = { actor: "job:alerts", commandId };
    const stream = `alert-${command.data.alertId}`;
    const { events } = await handle({ store }, alertDecider, { stream, command, meta });
    return events.length > 0;
  }

  async function recordAll(): Promise<void> {
    for (;;) {
      const [next] = waiting;
      // Said in the same breath as the look: what is noted a moment later starts anew.
      if (next === undefined) return settle("idle");
      try {
        await record(next);
        waiting.shift();
        state = "busy";
      } catch (error) {
        log.warn("cannot record an alert", failureFields(error));
        if (!(error instanceof DatabaseError && error.retryable)) {
          waiting.shift();
          continue;
        }
        settle("down");
        if (signal.aborted) return;
        await clock.sleep(AGAIN_MS, signal).catch(() => {});
      }
    }
  }

  function settle(to: "idle" | "down"): void {
    state = to;
    settling.resolve();
    settling = Promise.withResolvers<void>();
  }

  return {
    record,
    note(command) {
      waiting.push(command);
      if (state !== "idle") return;
      state = "busy";
      recording = recordAll();
    },
    untaken: (alertId) =>
      waiting.flatMap(({ type, data }) => type === "RaiseAlert" ? [data] : [])
        .find((raised) => raised.alertId === alertId),
    settled: () => state === "busy" ? settling.promise : Promise.resolve(),
    ended: () => recording,
  };
}
