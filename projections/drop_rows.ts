import { outdatesRows } from "@/domain/kline_period.ts";
import { DAY_MS, intervalMs, isInterval } from "@/domain/klines/interval.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import type { BulkContext } from "./define.ts";

/** One statement that deleted a month would keep PGlite's only connection from readers. */
const DROPPED_AT_ONCE = 2_000;

/** Rows that an event takes out of table `klines`: older than itself, in this range of open times. */
export interface Removal {
  readonly seriesId: string;
  readonly from: number;
  readonly to: number;
}

/** Undefined for events that leave the rows as they are. */
export function removalOf({ type, data }: KlineEvent): Removal | undefined {
  const { seriesId } = data;
  switch (type) {
    case "HotRowsDropped":
    case "KlinesDeleted":
      return { seriesId, from: data.from, to: data.to };
    case "KlinesArchived":
      // Late candles went into the file alone: the rows would tell people something else.
      return outdatesRows(data)
        ? { seriesId, from: data.firstOpenTime, to: data.lastOpenTime + 1 }
        : undefined;
    case "KlinesRecorded":
    case "KlinesFoundAbsent":
    case "KlineBatchesCompacted":
      return undefined;
  }
}

/**
 * Deletes chunk by chunk, each a range of the primary key that begins where the one before ended: a
 * list of keys would be looked up one by one. A chunk looks no further than its slots reach, so that
 * it costs the same however the database plans it. One that was cut off passes over what is gone.
 */
export async function removeRows(
  event: Recorded<KlineEvent>,
  { table, guard, run }: BulkContext,
): Promise<void> {
  const removal = removalOf(event);
  if (removal === undefined) return;
  const { seriesId } = removal;
  const [bounds] = await run({
    sql: `select min(open_time) as first, max(open_time) as last from ${table}
      where series_id = $1 and open_time >= $2 and open_time < $3 and ${guard(3)}`,
    params: [seriesId, removal.from, removal.to],
  });
  const { first, last } = trusted<Record<"first" | "last", number | string | null>>(bounds);
  if (first === null) return;
  const to = Number(last) + 1;
  const spanMs = DROPPED_AT_ONCE * slotMs(seriesId);
  // Off-grid candles may lie closer: where a chunk has too many it ends before.
  const sql = `with bound as materialized (
      select coalesce((select open_time from ${table} where series_id = $1 and open_time >= $2
        and open_time < $3 order by open_time offset ${DROPPED_AT_ONCE} limit 1), $3) as next),
    gone as (delete from ${table} where series_id = $1 and open_time >= $2
      and open_time < (select next from bound) and pos < $4 and ${guard(4)})
    select next from bound`;
  for (let from = Number(first); from < to;) {
    const [chunk] = await run({
      sql,
      params: [seriesId, from, Math.min(to, from + spanMs), event.position],
    });
    from = Number(trusted<{ next: number | string }>(chunk).next);
  }
}

function slotMs(seriesId: string): number {
  const interval = seriesId.slice(seriesId.lastIndexOf(".") + 1);
  return isInterval(interval) && interval !== "1M" ? intervalMs(interval) : 28 * DAY_MS;
}
