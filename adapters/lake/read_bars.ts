import { dividesAt, slotStart } from "@/domain/klines/interval.ts";
import type { LakeQuery, LakeResult } from "@/domain/ports/lake.ts";
import type { Session } from "./engine.ts";
import { readFileBars } from "./file_bars.ts";
import { joinBars } from "./join_bars.ts";
import { nearLines, type Segment } from "./near_lines.ts";
import type { OpenFile } from "./near_rows.ts";
import { aggregateSql, inRangeSql } from "./read_sql.ts";
import { type Part, unionOf } from "./union_sql.ts";

interface BarParts {
  readonly query: LakeQuery;
  /** Ascending. */
  readonly files: readonly OpenFile[];
  /** Rows that lie in no file. */
  readonly hot: Part | undefined;
  /** Files as parts that the engine reads. */
  readonly partsOf: (files: readonly OpenFile[]) => readonly Part[];
}

type Found = Omit<LakeResult, "bytes"> & { readonly lines: Uint8Array<ArrayBuffer> };

/**
 * Larger bars out of those that lie in the files; what has none is aggregated by the engine. Undefined
 * where that is not possible, or most files have none.
 */
export async function readBars(
  session: Session,
  { query, files, hot, partsOf }: BarParts,
): Promise<Found | undefined> {
  if (query.fill !== "none") return undefined;
  const inRange = files.filter(({ header }) =>
    header.lastOpenTime >= query.from && header.firstOpenTime < query.to
  );
  const runs = runsOf(inRange, query);
  const having = runs.reduce((sum, { hasBars, files }) => sum + (hasBars ? files.length : 0), 0);
  if (having === 0 || 2 * having < inRange.length) return undefined;
  const segments: Segment[] = [];
  for (const run of runs) {
    const found = run.hasBars
      ? await storedBars(run.files, query)
      : [await madeBars(session, partsOf(run.files), query)];
    for (const segment of found) {
      if (segment === undefined) return undefined;
      segments.push(segment);
    }
  }
  if (hot !== undefined) {
    // Rows between the files would have to be cut up.
    const last = inRange.at(-1)?.header.lastOpenTime ?? -Infinity;
    const made = hot.firstOpenTime > last ? await madeBars(session, [hot], query) : undefined;
    if (made === undefined) return undefined;
    segments.push(made);
  }
  const bars = joinBars(segments, query);
  return bars && pageOf(bars, query);
}

interface Run {
  readonly hasBars: boolean;
  readonly files: OpenFile[];
}

/** Files that follow one another and are read the same way. */
function runsOf(files: readonly OpenFile[], query: LakeQuery): Run[] {
  const runs: Run[] = [];
  for (const file of files) {
    const hasBars = fits(file, query);
    const last = runs.at(-1);
    if (last?.hasBars === hasBars) last.files.push(file);
    else runs.push({ hasBars, files: [file] });
  }
  return runs;
}

/** Whether the bars of a file make those asked for, and none is cut by the range. */
function fits(
  { header: { bars, firstOpenTime, lastOpenTime } }: OpenFile,
  { interval, offsetMs = 0, from, to }: LakeQuery,
): boolean {
  if (bars === undefined || !dividesAt(bars, interval, offsetMs)) return false;
  const isBorder = (time: number) => slotStart(bars, time) === time;
  return (from <= firstOpenTime || isBorder(from)) && (to > lastOpenTime || isBorder(to));
}

/** Files that are read at once, and joined before the next: those of seconds have many bars. */
const AT_ONCE = 16;

async function storedBars(
  files: readonly OpenFile[],
  query: LakeQuery,
): Promise<(Segment | undefined)[]> {
  const found: (Segment | undefined)[] = [];
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const some = files.slice(at, at + AT_ONCE);
    const segments = await Promise.all(some.map((file) => storedSegment(file, query)));
    const known = segments.filter((segment) => segment !== undefined);
    found.push(known.length < some.length ? undefined : joinBars(known, query));
  }
  return found;
}

async function storedSegment(
  { path, header }: OpenFile,
  { from, to }: LakeQuery,
): Promise<Segment | undefined> {
  const bars = header.bars && await readFileBars(path, header.bars);
  if (bars === undefined) return undefined;
  const times = bars.columns[0]?.numbers ?? new Float64Array();
  const firstFrom = (time: number) => {
    const found = times.findIndex((openTime) => openTime >= time);
    return found === -1 ? bars.count : found;
  };
  // A bar that begins before the range may hold candles that all lie in it.
  const first = header.firstOpenTime >= from ? 0 : firstFrom(from);
  return { ...bars, scale: header.scale, from: first, to: Math.max(first, firstFrom(to)) };
}

/** Those that the range cuts off count as far as they go. */
async function madeBars(
  session: Session,
  parts: readonly Part[],
  query: LakeQuery,
): Promise<Segment | undefined> {
  const source = unionOf(parts, 18);
  if (source === undefined) return undefined;
  const sql = aggregateSql({ ...source, sql: inRangeSql(source, query) }, {
    ...query,
    partial: true,
  });
  const columns = await session.raw(`select * from (${sql}) order by open_time`);
  return { ...columns, scale: source.scale, from: 0, to: columns.count };
}

function pageOf(bars: Segment, query: LakeQuery): Found {
  const { limit, keep, partial, completeTo } = query;
  const [times, ends] = [bars.columns[0]?.numbers, bars.columns[6]?.numbers];
  let to = bars.count;
  while (!partial && to > 0 && (ends?.[to - 1] ?? 0) >= completeTo) to--;
  const shown = keep === "oldest"
    ? { ...bars, to: Math.min(to, limit) }
    : { ...bars, from: Math.max(0, to - limit), to };
  const rows = shown.to - shown.from;
  return {
    ...{ rows, more: to > limit, lines: nearLines([shown], query) },
    firstOpenTime: rows === 0 ? undefined : times?.[shown.from],
    lastOpenTime: rows === 0 ? undefined : times?.[shown.to - 1],
  };
}
