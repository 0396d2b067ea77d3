import { type Candle, type Source, SOURCE_RANK } from "./candle.ts";

export interface HeldCandle extends Candle {
  readonly source: Source;
}

export interface CandleComparison {
  /** Open times not held so far. */
  readonly fresh: readonly Candle[];
  /** Candles that replace held ones, whole: what the batch does not carry becomes null. */
  readonly revised: readonly Candle[];
  readonly unchanged: number;
  /** Different, but a better source has spoken. */
  readonly heldBetter: number;
}

const DETAILS = ["quoteVolume", "tradesCount", "takerBuyVolume", "takerBuyQuoteVolume"] as const;
const PRICES_AND_VOLUME = ["open", "high", "low", "close", "volume"] as const;

/**
 * Sorts a valid batch by what it means for the candles held, by exact open time. Equal is decided
 * on the columns a row carries: open to volume always, a detail when it is not null, the close time
 * when the row has it or any detail (null then means regular).
 */
export function compareCandles(
  batch: readonly Candle[],
  held: readonly HeldCandle[],
  { source, overwrite }: { readonly source: Source; readonly overwrite: boolean },
): CandleComparison {
  const heldAt = new Map(held.map((candle) => [candle.openTime, candle]));
  const fresh: Candle[] = [];
  const revised: Candle[] = [];
  let unchanged = 0;
  let heldBetter = 0;
  for (const candle of batch) {
    const before = heldAt.get(candle.openTime);
    if (before === undefined) fresh.push(candle);
    else if (isUnchanged(candle, before)) unchanged++;
    else if (!overwrite && SOURCE_RANK[before.source] > SOURCE_RANK[source]) heldBetter++;
    else revised.push(candle);
  }
  return { fresh, revised, unchanged, heldBetter };
}

function isUnchanged(candle: Candle, held: Candle): boolean {
  const carriesCloseTime = candle.closeTime !== null || DETAILS.some((d) => candle[d] !== null);
  return PRICES_AND_VOLUME.every((column) => candle[column] === held[column]) &&
    DETAILS.every((detail) => candle[detail] === null || candle[detail] === held[detail]) &&
    (!carriesCloseTime || candle.closeTime === held.closeTime);
}
