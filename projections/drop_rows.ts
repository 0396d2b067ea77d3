import { outdatesRows } from "@/domain/kline_period.ts";
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

/** Deletes chunk by chunk; one that was cut off goes on where it stopped. */
export async function removeRows(
  event: Recorded<KlineEvent>,
  { table, guard, run }: BulkContext,
): Promise<void> {
  const removal = removalOf(event);
  if (removal === undefined) return;
  const { seriesId, from, to } = removal;
  for (;;) {
    const [chunk] = await run({
      sql: `with gone as (
          delete from ${table} where series_id = $1 and open_time in (
            select open_time from ${table} where series_id = $1 and open_time >= $2
              and open_time < $3 and pos < $4 order by open_time limit ${DROPPED_AT_ONCE})
          and ${guard(4)} returning 1)
        select count(*)::int as rows from gone`,
      params: [seriesId, from, to, event.position],
    });
    if (trusted<{ rows: number }>(chunk).rows < DROPPED_AT_ONCE) return;
  }
}
