import { currenciesOf } from "@/domain/klines/ticker.ts";
import type { Precision } from "./bar_precision.ts";
import type { Listing } from "./listings.ts";

/** An entry of `exchangeInfo`; its filters say what steps prices and volumes were seen to take. */
export function symbolInfo(
  { symbol, ticker }: Listing,
  { price, volume }: Precision,
): Readonly<Record<string, unknown>> {
  const { base, quote } = currenciesOf(symbol);
  return {
    ...{ symbol: ticker, status: "TRADING", baseAsset: base, baseAssetPrecision: 8 },
    ...{ quoteAsset: quote, quotePrecision: 8, quoteAssetPrecision: 8 },
    ...{ baseCommissionPrecision: 8, quoteCommissionPrecision: 8 },
    ...{ orderTypes: ["LIMIT", "MARKET"], icebergAllowed: false, ocoAllowed: false },
    ...{ otoAllowed: false, quoteOrderQtyMarketAllowed: false, allowTrailingStop: false },
    ...{ cancelReplaceAllowed: false, isSpotTradingAllowed: true, isMarginTradingAllowed: false },
    filters: [
      {
        ...{ filterType: "PRICE_FILTER", minPrice: step(price), maxPrice: "1000000000.00000000" },
        tickSize: step(price),
      },
      {
        ...{ filterType: "LOT_SIZE", minQty: step(volume), maxQty: "1000000000.00000000" },
        stepSize: step(volume),
      },
      {
        ...{ filterType: "NOTIONAL", minNotional: "0.00000000", applyMinToMarket: false },
        ...{ maxNotional: "1000000000.00000000", applyMaxToMarket: false, avgPriceMins: 5 },
      },
    ],
    ...{ permissions: [], permissionSets: [["SPOT"]] },
    ...{ defaultSelfTradePreventionMode: "NONE", allowedSelfTradePreventionModes: ["NONE"] },
  };
}

/** `10^-decimals` with eight decimals or as many as it takes. */
function step(decimals: number): string {
  if (decimals === 0) return "1.00000000";
  return `0.${"1".padStart(decimals, "0").padEnd(8, "0")}`;
}
