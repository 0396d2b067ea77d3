import type { RaisedAlert } from "@/events/catalog/alert.ts";

/** What one channel has yet to be given. Nothing leaves it but what was delivered or given up. */
export interface Outbox {
  /** Oldest first. */
  readonly waiting: readonly Letter[];
  /** How often in a row the channel could not take anything. */
  readonly failures: number;
  /** The channel is left alone until then, epoch ms. */
  readonly notBefore: number;
  /** How long that was when it began. */
  readonly waitMs: number;
}

export interface Letter {
  readonly alert: RaisedAlert;
  /** Deliveries that failed. */
  readonly attempts: number;
  /** The channel refused a message that this was a part of: it goes by itself from now on. */
  readonly alone: boolean;
  /** How often it was refused by itself; of a bad one, since it is known as one. */
  readonly refusals: number;
  /** The channel has taken others since it refused this one. */
  readonly isBad: boolean;
  /** Not tried before, epoch ms. */
  readonly notBefore: number;
  /** How long that was when it began. */
  readonly waitMs: number;
}

export interface OutboxPolicy {
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** Between two tries of a letter that was refused over and over. */
  readonly longestRefusedMs: number;
  /** A bad letter is given up after so many. */
  readonly mostRefusals: number;
  /** Whatever was raised so long ago is given up. */
  readonly longestMs: number;
}

export const DEFAULT_OUTBOX: OutboxPolicy = {
  ...{ firstDelayMs: 10_000, longestDelayMs: 900_000, longestRefusedMs: 3_600_000 },
  ...{ mostRefusals: 8, longestMs: 7 * 86_400_000 },
};
export const EMPTY_OUTBOX: Outbox = {
  ...{ waiting: [], failures: 0, notBefore: -Infinity, waitMs: 0 },
};

/** An alert comes once, however often it is posted while it waits. */
export function post(outbox: Outbox, alert: RaisedAlert): Outbox {
  if (outbox.waiting.some((letter) => letter.alert.alertId === alert.alertId)) return outbox;
  const fresh = { attempts: 0, alone: false, refusals: 0, isBad: false };
  const letter: Letter = { alert, ...fresh, notBefore: -Infinity, waitMs: 0 };
  return { ...outbox, waiting: [...outbox.waiting, letter] };
}

/**
 * What may go out now, to be put into as few messages as they fit: robots allow few messages a
 * minute. One that must go alone takes turns with the others.
 */
export function ready({ waiting, notBefore }: Outbox, at: number): readonly Letter[] {
  if (at < notBefore) return [];
  const due = waiting.filter((letter) => letter.notBefore <= at);
  const together = due.filter(({ alone }) => !alone);
  const alone = due.filter((letter) => letter.alone)
    .reduce<Letter | undefined>(
      (least, one) => least === undefined || one.attempts < least.attempts ? one : least,
      undefined,
    );
  const tries = Math.min(...together.map(({ attempts }) => attempts));
  return alone !== undefined && alone.attempts <= tries ? [alone] : together;
}

/** When something may go out; undefined when nothing waits. */
export function nextSendAt({ waiting, notBefore }: Outbox): number | undefined {
  if (waiting.length === 0) return undefined;
  return Math.max(notBefore, Math.min(...waiting.map((letter) => letter.notBefore)));
}

/**
 * Takes out what was delivered. The channel works, so what it refused before is bad, unless it was
 * the channel that was: it gets a fair number of tries from here, the first one at once.
 */
export function noteSent(outbox: Outbox, alertIds: readonly string[]): Outbox {
  const waiting = dropped(outbox, alertIds).waiting.map((letter) =>
    letter.refusals === 0 || letter.isBad
      ? letter
      : { ...letter, isBad: true, refusals: 0, notBefore: -Infinity }
  );
  return { ...EMPTY_OUTBOX, waiting };
}

/** Takes out what somebody else has dealt with. */
export function dropped(outbox: Outbox, alertIds: readonly string[]): Outbox {
  const waiting = outbox.waiting.filter(({ alert }) => !alertIds.includes(alert.alertId));
  return { ...outbox, waiting };
}

export interface FailedSend {
  readonly alertIds: readonly string[];
  readonly at: number;
  /** The channel was reached and did not want the message. */
  readonly refused: boolean;
  readonly retryAfterMs?: number | undefined;
}

/**
 * Keeps what could not be delivered; waits double from failure to failure. A channel that is not
 * there keeps everything waiting, a message that it refuses nothing but that message: the alerts of a
 * refused one are tried again one by one.
 */
export function noteFailed(
  outbox: Outbox,
  { alertIds, at, refused, retryAfterMs = 0 }: FailedSend,
  policy: OutboxPolicy = DEFAULT_OUTBOX,
): Outbox {
  const { firstDelayMs, longestDelayMs, longestRefusedMs } = policy;
  const isOne = alertIds.length === 1;
  const waiting = outbox.waiting.map((letter) => {
    if (!alertIds.includes(letter.alert.alertId)) return letter;
    const tried = { ...letter, attempts: letter.attempts + 1 };
    if (!refused) return tried;
    if (!isOne) return { ...tried, alone: true };
    const waitMs = doubled(firstDelayMs, letter.refusals, longestRefusedMs);
    const refusals = letter.refusals + 1;
    return { ...tried, alone: true, refusals, notBefore: at + waitMs, waitMs };
  });
  if (refused) {
    const isAsked = retryAfterMs > 0 && at + retryAfterMs > outbox.notBefore;
    const asked = { notBefore: at + retryAfterMs, waitMs: retryAfterMs };
    return { ...outbox, waiting, ...isAsked ? asked : {} };
  }
  const waitMs = Math.max(retryAfterMs, doubled(firstDelayMs, outbox.failures, longestDelayMs));
  return { waiting, failures: outbox.failures + 1, notBefore: at + waitMs, waitMs };
}

/** The same by a clock that was ahead before: nothing waits for longer from now than from when it began. */
export function inTime(outbox: Outbox, at: number): Outbox {
  const isAhead = (of: { notBefore: number; waitMs: number }) => of.notBefore > at + of.waitMs;
  if (!isAhead(outbox) && !outbox.waiting.some(isAhead)) return outbox;
  const cut = <T extends Letter | Outbox>(one: T): T =>
    isAhead(one) ? { ...one, notBefore: at + one.waitMs } : one;
  return { ...cut(outbox), waiting: outbox.waiting.map(cut) };
}

export interface GivenUp {
  readonly letter: Letter;
  readonly reason: "refused" | "too_old";
}

/** Takes out what there is no use in keeping; somebody is to be shown it. */
export function giveUp(
  outbox: Outbox,
  at: number,
  { mostRefusals, longestMs }: OutboxPolicy = DEFAULT_OUTBOX,
): { readonly outbox: Outbox; readonly givenUp: readonly GivenUp[] } {
  const givenUp = outbox.waiting.flatMap((letter): GivenUp[] => {
    if (letter.isBad && letter.refusals >= mostRefusals) return [{ letter, reason: "refused" }];
    return at - letter.alert.raisedAt >= longestMs ? [{ letter, reason: "too_old" }] : [];
  });
  if (givenUp.length === 0) return { outbox, givenUp };
  const alertIds = givenUp.map(({ letter }) => letter.alert.alertId);
  return { outbox: dropped(outbox, alertIds), givenUp };
}

function doubled(firstMs: number, times: number, longestMs: number): number {
  return Math.min(longestMs, firstMs * 2 ** Math.min(times, 30));
}
