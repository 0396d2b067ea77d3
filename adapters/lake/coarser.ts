import { areCoarser } from "@/domain/klines/coarser.ts";
import { type Interval, intervalMs, INTERVALS } from "@/domain/klines/interval.ts";
import type { StagedPeriod } from "@/domain/ports/lake.ts";
import type { Session } from "./engine.ts";
import { slotStartSql } from "./sql.ts";

/** The larger interval that staged candles without close times have, by their open times. */
export async function coarserInterval(
  session: Session,
  { table, interval, periods }: {
    readonly table: string;
    readonly interval: Interval;
    readonly periods: readonly StagedPeriod[];
  },
): Promise<Interval | undefined> {
  if (interval === "1M" || isDense(interval, periods)) return undefined;
  const [found = []] = await session.rows(`with spaces as
    (select open_time - lag(open_time) over (order by open_time) as ms from ${table})
    select min(ms), count(*) filter (where ms = (select min(ms) from spaces)), count(*) from spaces`);
  const [ms, apart, rows] = found.map(Number);
  const larger = INTERVALS.find((one) => one !== "1M" && intervalMs(one) === ms);
  if (larger === undefined || larger === "1M" || larger === interval) return undefined;
  const spacing = { rows: rows ?? 0, larger, apart: apart ?? 0 };
  if (!areCoarser(interval, spacing)) return undefined;
  const [odd] = await session.rows(
    `select 1 from ${table} where open_time <> ${slotStartSql(larger, "open_time")} limit 1`,
  );
  return odd === undefined ? larger : undefined;
}

/** Candles of a larger interval are at least two slots apart on average: most batches are not looked at. */
function isDense(interval: Exclude<Interval, "1M">, periods: readonly StagedPeriod[]): boolean {
  const [first, last] = [periods.at(0)?.firstOpenTime, periods.at(-1)?.lastOpenTime];
  if (first === undefined || last === undefined) return true;
  const rows = periods.reduce((sum, period) => sum + period.rows, 0);
  return last - first < 2 * intervalMs(interval) * (rows - 1);
}
