import type { Interval } from "@/domain/klines/interval.ts";
import type { SeriesRef } from "@/domain/klines/series_ref.ts";
import type { Installation } from "@/domain/ports/installation.ts";

/** Candles as lines of CSV without a header, in our columns. */
export interface CandleWindow {
  /** Those that open in `[from, to)`, a part at a time; parts are never empty. */
  lines(from: number, to: number): AsyncGenerator<readonly string[]>;
}

interface Page {
  readonly from: number;
  /** Everything that opens before this, from `from` on, is in the page. */
  readonly to: number;
  readonly lines: readonly string[];
}

const PAGE_ROWS = 50_000;
const decoder = new TextDecoder();

/**
 * Reads large pages and serves small ranges out of the last one: a day at a time costs no more reads
 * than all days at once. `end` is where the candles end, exclusive.
 */
export function createCandleWindow(
  { installation, series, stored, end, signal }: {
    readonly installation: Pick<Installation, "readPage">;
    readonly series: SeriesRef;
    /** Interval of the candles that it is made of. */
    readonly stored: Interval;
    readonly end: number;
    readonly signal: AbortSignal;
  },
): CandleWindow {
  let page: Page | undefined;

  async function pageAt(from: number): Promise<Page> {
    if (page !== undefined && page.from <= from && from < page.to) return page;
    signal.throwIfAborted();
    const query = { series, stored, from, to: end, limit: PAGE_ROWS, format: "csv" } as const;
    const { bytes, next = end } = await installation.readPage(query, signal);
    const lines = decoder.decode(bytes).split("\n").slice(1).filter((line) => line !== "");
    return page = { from, to: next, lines };
  }

  return {
    async *lines(from, to) {
      for (let at = from; at < Math.min(to, end);) {
        const { lines, to: next } = await pageAt(at);
        const part = lines.slice(placeOf(lines, at), placeOf(lines, to));
        if (part.length > 0) yield part;
        at = next;
      }
    },
  };
}

/** Of the first line that opens at `t` or later. */
function placeOf(lines: readonly string[], t: number): number {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Number.parseInt(lines[middle] ?? "") < t) low = middle + 1;
    else high = middle;
  }
  return low;
}
