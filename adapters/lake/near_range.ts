import { intervalMs, slotFrom } from "@/domain/klines/interval.ts";
import type { LakeQuery } from "@/domain/ports/lake.ts";
import type { Part } from "./union_sql.ts";

export interface NearRange {
  /** What is looked at. */
  readonly from: number;
  readonly to: number;
  /** What is answered: `limit` slots, or all. */
  readonly kept: readonly [from: number, to: number];
  /** All of the asked range is looked at. */
  readonly isWhole: boolean;
}

/** Where the candles asked for lie if no slot is empty, and one slot more; undefined when that cannot be told. */
export function nearRange(query: LakeQuery, parts: readonly Part[]): NearRange | undefined {
  const { stored, interval, limit, keep, fill } = query;
  if (stored !== interval || interval === "1M" || fill !== "none") return undefined;
  const ms = intervalMs(interval);
  const from = Math.max(query.from, Math.min(...parts.map((part) => part.firstOpenTime)));
  const to = Math.min(query.to, Math.max(...parts.map((part) => part.lastOpenTime)) + 1);
  if (to - from <= limit * ms) return { from, to, kept: [from, to], isWhole: true };
  const span = (limit + 1) * ms;
  if (keep === "oldest") {
    const cut = slotFrom(interval, from) + limit * ms;
    return { from, to: cut + ms, kept: [from, cut], isWhole: false };
  }
  const end = slotFrom(interval, to);
  return { from: end - span, to, kept: [end - limit * ms, to], isWhole: false };
}
