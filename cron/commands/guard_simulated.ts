import { Refusal } from "@/domain/decider.ts";
import { formatSeries, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { SeriesQueries } from "@/projections/series_queries.ts";

/** Made-up candles and real ones never share an installation: Refusal `conflict` where they would. */
export async function guardSimulated(
  queries: Pick<SeriesQueries, "list">,
  isSimulated: (exchange: string) => boolean,
  added: SeriesRef,
): Promise<void> {
  const simulated = isSimulated(added.exchange);
  const other = (await queries.list()).find((held) => held.simulated !== simulated);
  if (other === undefined) return;
  const [its, ours] = simulated ? ["real", "simulated"] : ["simulated", "real"];
  throw new Refusal(
    "conflict",
    `Cannot add ${formatSeries(added)}: this data directory holds ${its} candles ` +
      `(${formatSeries(other)}) and takes no ${ours} ones; set DATA_DIR to another`,
  );
}
