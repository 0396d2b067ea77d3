import { alert as alertDecider, type AlertCommand } from "@/domain/alert.ts";
import type { TextOptions } from "@/domain/alerts/alert_text.ts";
import type { Letter } from "@/domain/alerts/outbox.ts";
import type { AlertChannel } from "@/domain/ports/alert_channel.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { RaisedAlert } from "@/events/catalog/alert.ts";
import { DatabaseError } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import { createAlertDesk } from "./alert_desk.ts";
import { createAlertRecords } from "./alert_records.ts";
import type { ChannelTurns } from "./channel_turns.ts";
import { failureFields } from "./error_message.ts";

export interface AlertSenderOptions {
  readonly store: EventStore;
  readonly channels: readonly AlertChannel[];
  readonly clock: Clock;
  readonly log: Log;
  readonly text: TextOptions;
  readonly turns: ChannelTurns;
}

export interface AlertSender {
  /**
   * Records the alert as one for every channel and hands it to them; one that was recorded before is not told again.
   * With the database down it goes out all the same and its record follows. Refusal `conflict` when another instance has told these runs otherwise.
   */
  raise(alert: RaisedAlert): Promise<void>;
  /** Hands on what was raised before, e.g. by a process that is gone, to the channels that lack it. */
  resume(alert: RaisedAlert, channels: readonly string[]): void;
  /** What waits for delivery, by channel. */
  undelivered(): Readonly<Record<string, readonly Letter[]>>;
  /** Stops at once; what waits is in the log and comes again by `resume`. */
  close(): Promise<void>;
}

export function createAlertSender(options: AlertSenderOptions): AlertSender {
  const { channels, log } = options;
  const closed = new AbortController();
  const { signal } = closed;
  const records = createAlertRecords(options, signal);
  const desks = channels.map((channel) =>
    createAlertDesk(channel, { ...options, records, signal })
  );
  const names = desks.map(({ name }) => name);

  return {
    async raise(raised) {
      const alert = { ...raised, channels: names };
      const command: AlertCommand = { type: "RaiseAlert", data: alert };
      const before = records.untaken(alert.alertId);
      if (before !== undefined) {
        // The database is back, and its record is not yet: as if it were.
        alertDecider.decide(command, { status: "raised", alert: before, deliveries: {} });
        return;
      }
      try {
        // Whoever raised it before has it in hand, or is resumed.
        if (!await records.record(command)) return;
      } catch (error) {
        if (!(error instanceof DatabaseError && error.retryable)) throw error;
        log.warn("cannot record an alert before it is told", failureFields(error));
        records.note(command);
      }
      for (const desk of desks) desk.post(alert);
    },
    resume(alert, channels) {
      for (const desk of desks) if (channels.includes(desk.name)) desk.post(alert);
    },
    undelivered: () => Object.fromEntries(desks.map((desk) => [desk.name, desk.waiting()])),
    async close() {
      closed.abort(new DOMException("The service is stopping", "AbortError"));
      await Promise.all(desks.map((desk) => desk.ended()));
      await records.ended();
    },
  };
}
