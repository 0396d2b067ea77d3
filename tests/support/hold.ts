import type { Candle } from "@/domain/klines/candle.ts";
import { parseSeries } from "@/domain/klines/series_ref.ts";
import type { House } from "./house.ts";

/** Puts candles into a series of the house, which is added where it is new. */
export async function hold(
  { house }: { readonly house: House },
  series: string,
  candles: readonly Candle[],
  { now }: { readonly now?: number } = {},
): Promise<void> {
  await house.ingest.ingestCandles(parseSeries(series), candles, {
    ...{ source: "exchange", actor: "job:test", commandId: crypto.randomUUID() },
    ...(now === undefined ? {} : { now }),
  });
}
