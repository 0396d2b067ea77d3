import { alert as alertDecider } from "@/domain/alert.ts";
import type { TextOptions } from "@/domain/alerts/alert_text.ts";
import { composeMessage } from "@/domain/alerts/compose.ts";
import {
  dropped,
  EMPTY_OUTBOX,
  giveUp,
  inTime,
  type Letter,
  nextSendAt,
  noteFailed,
  noteSent,
  type Outbox,
  post,
  ready,
} from "@/domain/alerts/outbox.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { AlertChannel, AlertMessage } from "@/domain/ports/alert_channel.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { AlertEvent, RaisedAlert } from "@/events/catalog/alert.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { AlertRecords } from "./alert_records.ts";
import type { ChannelTurns, Turn } from "./channel_turns.ts";
import { failureFields, messageOf } from "./error_message.ts";

/** Sends what one channel has yet to be given, a message at a time. */
export interface AlertDesk {
  readonly name: string;
  post(alert: RaisedAlert): void;
  waiting(): readonly Letter[];
  /** Resolves after the signal's abort, when nothing is on its way any more. */
  ended(): Promise<void>;
}

export interface AlertDeskDeps {
  readonly store: Pick<EventStore, "readStream">;
  readonly clock: Clock;
  readonly log: Log;
  readonly text: TextOptions;
  readonly turns: ChannelTurns;
  readonly records: Pick<AlertRecords, "note" | "settled">;
  readonly signal: AbortSignal;
}

/** Another instance speaks to the channel: a message takes it a moment. */
const BUSY_MS = 5_000;

export function createAlertDesk(channel: AlertChannel, deps: AlertDeskDeps): AlertDesk {
  const { store, clock, log, text, turns, records, signal } = deps;
  const { name: channelName, maxMarkdownBytes } = channel;
  let outbox: Outbox = EMPTY_OUTBOX;
  let sending = Promise.resolve();
  let isSending = false;
  let newcomer = new AbortController();

  async function sendAll(): Promise<void> {
    for (;;) {
      dropHopeless();
      outbox = inTime(outbox, clock.now());
      const next = nextSendAt(outbox);
      if (next === undefined || signal.aborted) return void (isSending = false);
      if (next > clock.now()) await sleep(next - clock.now());
      else if (!await turns.take(channelName, sendSome, signal)) await sleep(BUSY_MS);
    }
  }

  /** Until something new has come, at most. */
  async function sleep(ms: number): Promise<void> {
    newcomer = new AbortController();
    await clock.sleep(ms, AbortSignal.any([signal, newcomer.signal])).catch(() => {});
  }

  async function sendSome(
    turn: AbortSignal,
    { sentAgoMs, sent: noteSending }: Turn,
  ): Promise<void> {
    const letters = ready(outbox, clock.now());
    let sent = letters;
    try {
      const alerts = letters.map(({ alert }) => alert);
      const message = composeMessage(alerts, { ...text, maxMarkdownBytes });
      if (message === undefined) return;
      sent = letters.slice(0, message.alerts.length);
      if (await dropSettled(message) || turn.aborted) return;
      await channel.send(message, { signal: turn, sentAgoMs }).finally(noteSending);
    } catch (error) {
      return turn.aborted ? undefined : failed(sent, error);
    }
    outbox = noteSent(outbox, sent.map(({ alert }) => alert.alertId));
    for (const { alert: { alertId }, attempts } of sent) {
      const data = { alertId, channel: channelName, sentAt: clock.now(), attempt: attempts + 1 };
      records.note({ type: "RecordSent", data });
    }
    // Whoever has the next turn finds it in the log.
    await records.settled();
  }

  /** Whether another instance has dealt with a part of the message: then it is another message. */
  async function dropSettled({ alerts }: AlertMessage): Promise<boolean> {
    const owed = await Promise.all(alerts.map(isStillOwed));
    const gone = alerts.filter((_, i) => owed[i] === false);
    outbox = dropped(outbox, gone.map(({ alertId }) => alertId));
    return gone.length > 0;
  }

  async function isStillOwed(alert: RaisedAlert): Promise<boolean> {
    try {
      const { events } = await store.readStream<AlertEvent>(`alert-${alert.alertId}`);
      const state = events.reduce(alertDecider.evolve, alertDecider.initial);
      const known = state.status === "raised" ? state.deliveries : {};
      const status = Object.hasOwn(known, channelName) ? known[channelName]?.status : undefined;
      return status !== "sent" && status !== "given_up";
    } catch (error) {
      log.warn("whether an alert was told cannot be read", failureFields(error));
      return true;
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
    const retryAt = Math.max(at, nextSendAt(outbox) ?? at);
    for (const { alert: { alertId }, attempts } of letters) {
      const attempt = attempts + 1;
      const failure = { failedAt: at, attempt, error: messageOf(error), retryAt };
      const data = { alertId, channel: channelName, ...failure };
      records.note({ type: "RecordSendFailure", data });
    }
  }

  function dropHopeless(): void {
    const { outbox: rest, givenUp } = giveUp(outbox, clock.now());
    outbox = rest;
    for (const { letter: { alert: { alertId, source }, attempts }, reason } of givenUp) {
      const fields = { channel: channelName, alert: alertId, source, reason, attempts };
      log.error("an alert was given up: the channel has not taken it", fields);
      const data = { alertId, channel: channelName, givenUpAt: clock.now(), reason, attempts };
      records.note({ type: "RecordGivenUp", data });
    }
  }

  return {
    name: channelName,
    post(alert) {
      outbox = post(outbox, alert);
      newcomer.abort();
      if (isSending) return;
      isSending = true;
      sending = sendAll();
    },
    waiting: () => outbox.waiting,
    ended: () => sending,
  };
}
