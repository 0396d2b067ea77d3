import { decimalScale } from "@/domain/klines/decimal.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Bar, BarReader } from "./bars.ts";
import { finest, type Listing } from "./listings.ts";

/** Decimals that a symbol's candles have. */
export interface Precision {
  readonly price: number;
  readonly volume: number;
}

/** Candles that tell how many decimals prices and volumes have. */
const SAMPLE_BARS = 500;
const FRESH_MS = 600_000;
/** Where there are no candles to tell. */
const UNKNOWN: Precision = { price: 8, volume: 8 };

export interface Precisions {
  of(listing: Listing): Promise<Precision>;
}

/** Asked for often and changing hardly ever: remembered for ten minutes. */
export function createPrecisions(bars: BarReader, clock: Pick<Clock, "now">): Precisions {
  const known = new Map<string, { readonly precision: Precision; readonly until: number }>();
  return {
    async of(listing) {
      const series = finest(listing);
      if (series?.lastOpenTime === undefined || series.lastOpenTime === null) return UNKNOWN;
      const remembered = known.get(series.id);
      if (remembered !== undefined && remembered.until > clock.now()) return remembered.precision;
      const rows = await bars.held({
        ...{ series, interval: series.interval, start: undefined, end: series.lastOpenTime + 1 },
        ...{ limit: SAMPLE_BARS, keep: "latest" },
      });
      const precision = precisionOf(rows);
      known.set(series.id, { precision, until: clock.now() + FRESH_MS });
      return precision;
    },
  };
}

function precisionOf(bars: readonly Bar[]): Precision {
  if (bars.length === 0) return UNKNOWN;
  const most = (values: readonly string[]) => Math.max(0, ...values.map(decimalScale));
  return {
    price: most(bars.flatMap(([, open, high, low, close]) => [open, high, low, close])),
    volume: most(bars.map((bar) => bar[5])),
  };
}
