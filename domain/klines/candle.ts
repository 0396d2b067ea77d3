import type { KlineRow } from "@/events/catalog/klines.ts";

/**
 * One closed candle. Decimals are canonical strings: no exponent, no sign but `-`, no leading or
 * trailing zeros (`0.1`, `12`, `0`). What a venue does not send is null.
 */
export interface Candle {
  /** Epoch ms; the key. */
  readonly openTime: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  /** Null when regular: openTime + interval − 1. */
  readonly closeTime: number | null;
  readonly quoteVolume: string | null;
  readonly tradesCount: number | null;
  readonly takerBuyVolume: string | null;
  readonly takerBuyQuoteVolume: string | null;
}

/** Where a candle came from. A lower rank never revises a higher one by itself. */
export type Source = "exchange" | "import" | "api";

export const SOURCE_RANK = { api: 1, import: 2, exchange: 3 } as const satisfies Record<
  Source,
  number
>;

export function toRow(c: Candle): KlineRow {
  return [
    c.openTime,
    c.open,
    c.high,
    c.low,
    c.close,
    c.volume,
    c.closeTime,
    c.quoteVolume,
    c.tradesCount,
    c.takerBuyVolume,
    c.takerBuyQuoteVolume,
  ];
}

export function fromRow(row: KlineRow): Candle {
  const [openTime, open, high, low, close, volume, closeTime, quoteVolume, tradesCount] = row;
  return {
    openTime,
    open,
    high,
    low,
    close,
    volume,
    closeTime,
    quoteVolume,
    tradesCount,
    takerBuyVolume: row[9],
    takerBuyQuoteVolume: row[10],
  };
}
