import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { handle } from "@/domain/handle.ts";
import { klinePeriod } from "@/domain/kline_period.ts";
import { periodOf, splitByPeriod } from "@/domain/klines/period.ts";
import { seriesId as idOf } from "@/domain/klines/series_ref.ts";
import type { PartContext } from "./crawl_deps.ts";
import { klineStream } from "./period_state.ts";

/** Records slots that the exchange was asked for and has nothing of. */
export async function recordAbsent(
  { deps: { store }, asker, series, actor, runId }: PartContext,
  absent: readonly OpenTimeRange[],
): Promise<void> {
  const { interval } = series;
  const seriesId = idOf(series);
  const pieces = absent.flatMap((range) => splitByPeriod(interval, range));
  for (const [period, ranges] of Map.groupBy(pieces, ([from]) => periodOf(interval, from))) {
    await handle({ store }, klinePeriod, {
      stream: klineStream(seriesId, period),
      command: { type: "RecordAbsent", data: { seriesId, period, ranges, askedAt: asker.now } },
      meta: { actor, commandId: await uuidV5(runId, `absent/${period}/${ranges[0]?.[0]}`) },
    });
  }
}
