import { standstillAlert, standstillOver } from "@/domain/alerts/standstill.ts";
import type { TextOptions } from "@/domain/alerts/alert_text.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { RaisedAlert } from "@/events/catalog/alert.ts";
import type { AlertSender } from "./alert_sender.ts";
import { failureFields } from "./error_message.ts";

export interface ScheduleWatchOptions {
  /** It tells without a database, too, which is what is missing most often. */
  readonly sender: Pick<AlertSender, "raise">;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
  readonly text: Pick<TextOptions, "language" | "timeZone">;
}

/** Sees to it that people hear of a schedule that starts nothing: no run is there to fail. */
export interface ScheduleWatch {
  /** After each tick: what went wrong, undefined when nothing did. */
  ticked(problem: string | undefined): void;
  /** Waits until what was raised is on its way. */
  settled(): Promise<void>;
}

/** A database that restarts is back before that. */
export const STANDSTILL_MS = 180_000;

export function createScheduleWatch(
  { sender, clock, log, text }: ScheduleWatchOptions,
): ScheduleWatch {
  let standstill: { readonly id: string; readonly since: number; isTold: boolean } | undefined;
  let raising = Promise.resolve();

  function raise(alert: RaisedAlert, onFailure: () => void): void {
    raising = raising.then(() => sender.raise(alert)).catch((error: unknown) => {
      onFailure();
      log.error("cannot tell how the schedule is", failureFields(error));
    });
  }

  return {
    ticked(problem) {
      const at = clock.now();
      if (problem === undefined) {
        if (standstill?.isTold === true) {
          raise(standstillOver({ ...standstill, at }, text), () => {});
        }
        standstill = undefined;
        return;
      }
      const now = standstill ??= { id: crypto.randomUUID(), since: at, isTold: false };
      if (now.isTold || at - now.since < STANDSTILL_MS) return;
      now.isTold = true;
      raise(standstillAlert({ ...now, at, problem }, text), () => now.isTold = false);
    },
    settled: () => raising,
  };
}
