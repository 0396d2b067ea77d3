import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import { Refusal } from "@/domain/decider.ts";
import { type Interval, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import { isOpenTime } from "@/domain/klines/open_times.ts";
import { periodsOf } from "@/domain/klines/period.ts";
import { formatTime } from "@/domain/klines/time.ts";
import type { RemovalRequest } from "@/domain/ports/kline_removal.ts";
import { hotRowsText } from "@/projections/hot_rows.ts";
import type { KlinePeriodRow } from "@/projections/kline_periods.ts";
import { lendPeriodFile } from "./ingest_period.ts";
import type { IngestDeps } from "./ingest_run.ts";
import { currentPeriod } from "./period_state.ts";

type Deps = Pick<IngestDeps, "store" | "db" | "database" | "projections" | "lake" | "blobs">;

/** What is held is counted in slots: those that the range of a removal touches, as a range. */
export function touchedSlots(
  { interval, from, to }: Pick<RemovalRequest, "interval" | "from" | "to">,
): OpenTimeRange {
  return [slotStart(interval, from), slotEndFrom(interval, to)];
}

/** Refusal where a slot at the border of a removal's range holds a candle outside of the range. */
export async function spareBorders(deps: Deps, request: RemovalRequest): Promise<void> {
  const { seriesId, interval } = request;
  for (const border of bordersOf(request)) {
    for (const period of periodsOf(interval, border, 2)) {
      const { row } = await currentPeriod(deps, { seriesId, period });
      if (row !== undefined) await spareBordersOf(deps, request, row);
    }
  }
}

/** The same for one period. */
export async function spareBordersOf(
  deps: Deps,
  request: RemovalRequest,
  row: KlinePeriodRow,
): Promise<void> {
  for (const border of bordersOf(request)) {
    const found = await firstHeld(deps, { row, interval: request.interval, range: border });
    if (found !== undefined) throw straddled(request, found);
  }
}

/** The first candle of a range that a period holds. */
export async function firstHeld(
  { database, lake, blobs }: Deps,
  { row, interval, range: [from, to] }: {
    readonly row: KlinePeriodRow;
    readonly interval: Interval;
    readonly range: OpenTimeRange;
  },
): Promise<number | undefined> {
  const { seriesId, firstOpenTime, lastOpenTime, fileSha256 } = row;
  if (row.candles === 0 || firstOpenTime === null || lastOpenTime === null) return undefined;
  if (from > lastOpenTime || to <= firstOpenTime) return undefined;
  if (from <= firstOpenTime) return firstOpenTime;
  const file = fileSha256 === null
    ? undefined
    : await lendPeriodFile(blobs, { ...row, sha256: fileSha256 });
  try {
    const found = await lake.read({
      files: file === undefined ? [] : [file.path],
      hot: file === undefined ? await hotRowsText(database, { seriesId, from, to }) : undefined,
      ...{ stored: interval, interval, from, to, limit: 1, order: "asc", keep: "oldest" },
      ...{ fill: "none", partial: false, completeTo: to, format: "csv", numbers: "number" },
    });
    return found.firstOpenTime;
  } finally {
    file?.release();
  }
}

/** What the slots of a range hold besides the range itself. */
function bordersOf(request: RemovalRequest): readonly OpenTimeRange[] {
  const [first, end] = touchedSlots(request);
  const borders: OpenTimeRange[] = [[first, request.from], [request.to, end]];
  return borders.filter(([from, to]) => from < to && isOpenTime(from) && isOpenTime(to));
}

function straddled({ interval, from }: RemovalRequest, openTime: number): Refusal {
  const [start, end] = [slotStart(interval, openTime), slotEndFrom(interval, openTime + 1)];
  const [field, whole, without] = openTime < from
    ? ["start", `start=${start}`, `start=${end}`]
    : ["end", `end=${end}`, `end=${start}`];
  return new Refusal(
    "validation_error",
    `Cannot take away a part of a slot: the candle at ${formatTime(openTime)} (${openTime}) lies ` +
      `outside of the range, in a slot that the range touches. Send ${whole} to remove it as ` +
      `well, or ${without} to leave its slot alone`,
    { field },
  );
}

/** End of the slot that holds the last moment before `to`. */
function slotEndFrom(interval: Interval, to: number): number {
  const start = slotStart(interval, to);
  return start === to ? to : slotEnd(interval, start);
}
