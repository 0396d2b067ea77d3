import type { RaisedAlert } from "@/events/catalog/alert.ts";

/** What one channel has yet to be given. Nothing leaves it but what was delivered. */
export interface Outbox {
  /** Oldest first. */
  readonly waiting: readonly Letter[];
  /** Failed deliveries in a row. */
  readonly failures: number;
  /** Nothing is tried before, epoch ms. */
  readonly notBefore: number;
}

export interface Letter {
  readonly alert: RaisedAlert;
  /** Deliveries that failed. */
  readonly attempts: number;
  /** The channel refused a message that this was a part of: it goes by itself from now on. */
  readonly alone: boolean;
}

export interface OutboxPolicy {
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
}

export const DEFAULT_OUTBOX: OutboxPolicy = { firstDelayMs: 10_000, longestDelayMs: 900_000 };
export const EMPTY_OUTBOX: Outbox = { waiting: [], failures: 0, notBefore: -Infinity };

/** An alert comes once, however often it is posted while it waits. */
export function post(outbox: Outbox, alert: RaisedAlert): Outbox {
  if (outbox.waiting.some((letter) => letter.alert.alertId === alert.alertId)) return outbox;
  return { ...outbox, waiting: [...outbox.waiting, { alert, attempts: 0, alone: false }] };
}

/**
 * What may go out now, to be put into as few messages as they fit: robots allow few messages a
 * minute. One that must go alone takes turns with the others.
 */
export function ready({ waiting, notBefore }: Outbox, at: number): readonly Letter[] {
  if (at < notBefore) return [];
  const together = waiting.filter(({ alone }) => !alone);
  const alone = waiting.filter((letter) => letter.alone)
    .reduce<Letter | undefined>(
      (least, one) => least === undefined || one.attempts < least.attempts ? one : least,
      undefined,
    );
  const tries = Math.min(...together.map(({ attempts }) => attempts));
  return alone !== undefined && alone.attempts <= tries ? [alone] : together;
}

/** When something may go out; undefined when nothing waits. */
export function nextSendAt({ waiting, notBefore }: Outbox): number | undefined {
  return waiting.length === 0 ? undefined : notBefore;
}

export function noteSent(outbox: Outbox, alertIds: readonly string[]): Outbox {
  const waiting = outbox.waiting.filter(({ alert }) => !alertIds.includes(alert.alertId));
  return { waiting, failures: 0, notBefore: -Infinity };
}

export interface FailedSend {
  readonly alertIds: readonly string[];
  readonly at: number;
  /** The channel was reached and did not want the message. */
  readonly refused: boolean;
  readonly retryAfterMs?: number | undefined;
}

/** Keeps what could not be delivered, for as long as it takes; waits double from failure to failure. */
export function noteFailed(
  outbox: Outbox,
  { alertIds, at, refused, retryAfterMs = 0 }: FailedSend,
  { firstDelayMs, longestDelayMs }: OutboxPolicy = DEFAULT_OUTBOX,
): Outbox {
  const waiting = outbox.waiting.map((letter) =>
    alertIds.includes(letter.alert.alertId)
      ? { ...letter, attempts: letter.attempts + 1, alone: letter.alone || refused }
      : letter
  );
  const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(outbox.failures, 30));
  const notBefore = at + Math.max(delayMs, retryAfterMs);
  return { waiting, failures: outbox.failures + 1, notBefore };
}
