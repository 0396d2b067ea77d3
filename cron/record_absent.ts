import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { periodOf, splitByPeriod } from "@/domain/klines/period.ts";
import { seriesId as idOf } from "@/domain/klines/series_ref.ts";
import type { PartContext } from "./crawl_deps.ts";
import { currentPeriod, decidePeriod } from "./period_state.ts";
import { untilDecided } from "./until_decided.ts";

/**
 * Records slots that the exchange was asked for and has nothing of. Goes by the period's row: its
 * stream grows by an event a minute, and a thin market has absent slots in nearly each of them.
 */
export async function recordAbsent(
  { deps, asker, series, actor, runId, signal }: PartContext,
  absent: readonly OpenTimeRange[],
): Promise<void> {
  const { interval } = series;
  const seriesId = idOf(series);
  const pieces = absent.flatMap((range) => splitByPeriod(interval, range));
  for (const [period, ranges] of Map.groupBy(pieces, ([from]) => periodOf(interval, from))) {
    const data = { seriesId, period, ranges, askedAt: asker.now };
    const commandId = uuidV5(runId, `absent/${period}/${ranges[0]?.[0]}`);
    await untilDecided(async () => {
      const state = await currentPeriod(deps, { seriesId, period });
      const command = { type: "RecordAbsent", data } as const;
      await decidePeriod(deps.store, state, { command, actor, commandId });
    }, signal);
  }
}
