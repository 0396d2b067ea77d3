import type { OpenTimeRange } from "@/events/catalog/klines.ts";

/** What is known of a series' slots. Ranges are slot-aligned, ascending, disjoint, from inclusive to exclusive (ms). */
export interface Coverage {
  readonly held: readonly OpenTimeRange[];
  /** Slots where the exchange was asked and had nothing. */
  readonly absent: readonly AbsentRange[];
  /** Deleted on purpose and never to be crawled again. */
  readonly keptOut: readonly OpenTimeRange[];
}

export interface AbsentRange {
  readonly from: number;
  readonly to: number;
  readonly asks: number;
  /** The last time, epoch ms. */
  readonly askedAt: number;
}
