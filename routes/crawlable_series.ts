import { Refusal } from "@/domain/decider.ts";
import { parseSeries, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { AppDeps } from "./app_deps.ts";
import type { SeriesDirectory } from "./series_directory.ts";
import { refuseMixture } from "./watch_series.ts";

type Deps = Pick<AppDeps, "venues" | "settings" | "signal"> & {
  readonly directory: SeriesDirectory;
};

/**
 * A held series by id or text, or one that its venue knows by this text: the first candles add it.
 * Refusal `not_found` with near matches.
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
    if (!unknown || !idOrText.includes(":")) throw error;
  }
  const { exchange, symbol, interval } = parseSeries(idOrText);
  refuseMixture(venues.isSimulated(exchange), settings.simulated);
  return { exchange, symbol: await venues.resolveSymbol(exchange, symbol, signal), interval };
}
