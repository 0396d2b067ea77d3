import { Refusal } from "@/domain/decider.ts";
import { parseSeries, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { AppDeps } from "./app_deps.ts";
import type { SeriesDirectory } from "./series_directory.ts";
import { refuseMixture } from "./watch_series.ts";

type Deps = Pick<AppDeps, "venues" | "settings" | "signal"> & {
  readonly directory: SeriesDirectory;
};

/** `binance.BTC-USDT.1m`: what is neither this nor `exchange:SYMBOL:interval` names no series. */
const ID = /^[a-z][a-z0-9_-]*\.[^:]+\.\d+[a-zA-Z]+$/;

/**
 * A held series by id or text, or one that its venue knows by this text: the first candles add it.
 * Refusals: `not_found` with near matches, `validation_error` for
 * what is no name of a series.
 */
export async function crawlableSeries(
  { directory, venues, settings, signal }: Deps,
  idOrText: string,
): Promise<SeriesRef> {
  try {
    const { exchange, symbol, interval } = await directory.find(idOrText);
    return { exchange, symbol, interval };
  } catch (error) {
    const unknown = error instanceof Refusal && error.code === "not_found";
    if (!unknown || ID.test(idOrText)) throw error;
  }
  const { exchange, symbol, interval } = parseSeries(idOrText);
  refuseMixture(venues.isSimulated(exchange), settings.simulated);
  return { exchange, symbol: await venues.resolveSymbol(exchange, symbol, signal), interval };
}
