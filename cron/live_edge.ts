import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { type Interval, intervalMs, nextSlot, previousSlot } from "@/domain/klines/interval.ts";

/** How far a series has been followed, in the venue's time. */
export interface Edge {
  /** End of the newest slot that was fetched. */
  readonly end: number;
  readonly askedAt: number;
  /** How often in a row the newest slot was asked for and had not appeared. */
  readonly lateAsks: number;
  /** Why the last crawl failed, and the how many-th in a row of its kind it was. */
  readonly failure: { readonly error: unknown; readonly times: number } | undefined;
}

/** An exchange needs a moment after the close until its candle is final. */
const SETTLE_MS = 1_000;
/** Short intervals are asked this often, so that a candle is stored within 10 s of its close. */
const SPACING_MS = 4_000;
/** A candle that has not appeared yet is asked for again so much later, so often. */
const LATE_AGAIN_MS = 2_000;
const LATE_ASKS = 2;
/** What failed, and what is still late after that, is asked for again so much later. */
const AGAIN_MS = 60_000;
/** What the venue refuses for good, a delisted symbol, is asked for at least so often. */
const SELDOM_MS = 15 * 60_000;

/** When a series is to be asked for next, in the venue's time. */
export function dueAt(edge: Edge | undefined, interval: Interval): number {
  if (edge === undefined) return -Infinity;
  const { end, askedAt, lateAsks, failure } = edge;
  if (failure !== undefined) {
    const waitMs = isLasting(failure.error) ? AGAIN_MS * 2 ** (failure.times - 1) : AGAIN_MS;
    return askedAt + Math.min(waitMs, SELDOM_MS);
  }
  const closes = nextSlot(interval, end) + SETTLE_MS;
  if (lateAsks === 0) return Math.max(closes, askedAt + SPACING_MS);
  if (lateAsks <= LATE_ASKS) return askedAt + LATE_AGAIN_MS;
  const nextCloses = nextSlot(interval, nextSlot(interval, end)) + SETTLE_MS;
  return Math.min(Math.max(nextCloses, askedAt + LATE_AGAIN_MS), askedAt + AGAIN_MS);
}

/** Whether a series is to be asked for now; also where the clock was set back since it was. */
export function isDue(edge: Edge | undefined, interval: Interval, now: number): boolean {
  return dueAt(edge, interval) <= now || (edge !== undefined && edge.askedAt - now > AGAIN_MS);
}

/** The edge after everything up to `end` was asked for; `late` says that its newest slot did not come. */
export function followed(
  before: Edge | undefined,
  { interval, end, now, late }: { interval: Interval; end: number; now: number; late: boolean },
): Edge {
  const held = late ? previousSlot(interval, end) : end;
  const again = before?.failure === undefined && before?.end === held ? before.lateAsks : 0;
  // The slots of so short an interval overtake every further question.
  const counts = late && interval !== "1M" && intervalMs(interval) < SPACING_MS ? 0 : again + 1;
  return { end: held, askedAt: now, lateAsks: late ? counts : 0, failure: undefined };
}

export function failed(before: Edge | undefined, now: number, error: unknown): Edge {
  const last = before?.failure;
  const again = last !== undefined && isLasting(last.error) === isLasting(error);
  const failure = { error, times: again ? last.times + 1 : 1 };
  return { end: before?.end ?? 0, askedAt: now, lateAsks: 0, failure };
}

function isLasting(error: unknown): boolean {
  return error instanceof Refusal || (error instanceof AdapterError && !error.retryable);
}
