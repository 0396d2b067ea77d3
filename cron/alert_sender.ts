import { alert as alertDecider, type AlertCommand } from "@/domain/alert.ts";
import type { TextOptions } from "@/domain/alerts/alert_text.ts";
import { composeMessage } from "@/domain/alerts/compose.ts";
import {
  EMPTY_OUTBOX,
  type Letter,
  nextSendAt,
  noteFailed,
  noteSent,
  type Outbox,
  post,
  ready,
} from "@/domain/alerts/outbox.ts";
import { handle } from "@/domain/handle.ts";
import type { AlertChannel } from "@/domain/ports/alert_channel.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { RaisedAlert } from "@/events/catalog/alert.ts";
import { DatabaseError } from "@/events/store/database.ts";
import type { EventStore } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { failureFields, messageOf } from "./error_message.ts";

export interface AlertSenderOptions {
  readonly store: EventStore;
  readonly channels: readonly AlertChannel[];
  readonly clock: Clock;
  readonly log: Log;
  readonly text: TextOptions;
}

export interface AlertSender {
  /**
   * Records the alert and hands it to every channel; one that was recorded before is not told again.
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

/** The same words give the same command: what was recorded before is not recorded again. */
const NAMESPACE = "7f0f5a52-3c0c-5d5e-9a53-8b7c7f6e21d4";
const RECORD_AGAIN_MS = 5_000;

export function createAlertSender(options: AlertSenderOptions): AlertSender {
  const { store, channels, clock, log } = options;
  const instance = crypto.randomUUID();
  const closed = new AbortController();
  const { signal } = closed;
  const records: AlertCommand[] = [];
  const desks = channels.map((channel) => createDesk(channel, options, { signal, note }));
  let recording = Promise.resolve();
  let isRecording = false;

  /** Whether it was news to the log, or ours of before: what another instance said alike is neither. */
  async function record(command: AlertCommand): Promise<boolean> {
    const { alertId } = command.data;
    const commandId = uuidV5(NAMESPACE, `${instance} ${JSON.stringify(command)}`);
    const meta = { actor: "job:alerts", commandId };
    const stream = `alert-${alertId}`;
    const { events } = await handle({ store }, alertDecider, { stream, command, meta });
    return events.length > 0;
  }

  /** In the order in which it happened, for as long as the database takes to come back. */
  async function recordAll(): Promise<void> {
    for (;;) {
      const [next] = records;
      // Said in the same breath as the look: what is noted a moment later starts anew.
      if (next === undefined || signal.aborted) return void (isRecording = false);
      try {
        await record(next);
        records.shift();
      } catch (error) {
        log.warn("cannot record an alert", failureFields(error));
        if (error instanceof DatabaseError && error.retryable) {
          await clock.sleep(RECORD_AGAIN_MS, signal).catch(() => {});
        } else records.shift();
      }
    }
  }

  function note(command: AlertCommand): void {
    records.push(command);
    if (isRecording) return;
    isRecording = true;
    recording = recordAll();
  }

  return {
    async raise(alert) {
      const command: AlertCommand = { type: "RaiseAlert", data: alert };
      try {
        // Whoever raised it before has it in hand, or is resumed.
        if (!await record(command)) return;
      } catch (error) {
        if (!(error instanceof DatabaseError && error.retryable)) throw error;
        log.warn("cannot record an alert before it is told", failureFields(error));
        note(command);
      }
      for (const desk of desks) desk.post(alert);
    },
    resume(alert, names) {
      for (const desk of desks) if (names.includes(desk.name)) desk.post(alert);
    },
    undelivered: () => Object.fromEntries(desks.map((desk) => [desk.name, desk.waiting()])),
    async close() {
      closed.abort(new DOMException("The service is stopping", "AbortError"));
      await Promise.all([recording, ...desks.map((desk) => desk.ended())]);
    },
  };
}

interface Desk {
  readonly name: string;
  post(alert: RaisedAlert): void;
  waiting(): readonly Letter[];
  ended(): Promise<void>;
}

interface DeskLife {
  readonly signal: AbortSignal;
  readonly note: (command: AlertCommand) => void;
}

/** Sends what one channel has yet to be given, a message at a time. */
function createDesk(
  channel: AlertChannel,
  { clock, log, text }: AlertSenderOptions,
  { signal, note }: DeskLife,
): Desk {
  const { name: channelName, maxMarkdownBytes } = channel;
  let outbox: Outbox = EMPTY_OUTBOX;
  let sending = Promise.resolve();
  let isSending = false;

  async function sendAll(): Promise<void> {
    for (;;) {
      const next = nextSendAt(outbox);
      if (next === undefined || signal.aborted) return void (isSending = false);
      if (next > clock.now()) await clock.sleep(next - clock.now(), signal).catch(() => {});
      else await sendOne(ready(outbox, clock.now()));
    }
  }

  async function sendOne(letters: readonly Letter[]): Promise<void> {
    const alerts = letters.map(({ alert }) => alert);
    let sent = letters;
    try {
      const message = composeMessage(alerts, { ...text, maxMarkdownBytes });
      if (message === undefined) return;
      sent = letters.slice(0, message.alerts.length);
      await channel.send(message, signal);
    } catch (error) {
      return signal.aborted ? undefined : failed(sent, error);
    }
    outbox = noteSent(outbox, sent.map(({ alert }) => alert.alertId));
    for (const { alert: { alertId }, attempts } of sent) {
      const data = { alertId, channel: channelName, sentAt: clock.now(), attempt: attempts + 1 };
      note({ type: "RecordSent", data });
    }
  }

  function failed(letters: readonly Letter[], error: unknown): void {
    log.warn("cannot tell an alert", { channel: channelName, ...failureFields(error) });
    const at = clock.now();
    outbox = noteFailed(outbox, {
      ...{ alertIds: letters.map(({ alert }) => alert.alertId), at },
      refused: !(error instanceof AdapterError && error.retryable),
      retryAfterMs: error instanceof AdapterError ? error.retryAfterMs : undefined,
    });
    const retryAt = nextSendAt(outbox) ?? at;
    for (const { alert: { alertId }, attempts } of letters) {
      const attempt = attempts + 1;
      const failure = { failedAt: at, attempt, error: messageOf(error), retryAt };
      const data = { alertId, channel: channelName, ...failure };
      note({ type: "RecordSendFailure", data });
    }
  }

  return {
    name: channelName,
    post(alert) {
      outbox = post(outbox, alert);
      if (isSending) return;
      isSending = true;
      sending = sendAll();
    },
    waiting: () => outbox.waiting,
    ended: () => sending,
  };
}
