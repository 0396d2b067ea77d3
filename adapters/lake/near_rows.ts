import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { LakeQuery, LakeResult } from "@/domain/ports/lake.ts";
import { columnsOf, type DecodedFiles } from "./decoded_files.ts";
import type { Session } from "./engine.ts";
import { nearLines, type Segment } from "./near_lines.ts";
import type { NearRange } from "./near_range.ts";
import type { FileHeader } from "./period_file.ts";
import type { RawColumns } from "./raw_columns.ts";
import { literal } from "./sql.ts";
import type { Source } from "./union_sql.ts";

export interface OpenFile {
  readonly path: string;
  readonly header: FileHeader;
}

interface Near {
  readonly query: LakeQuery;
  readonly near: NearRange;
  /** Ascending; undefined where rows lie elsewhere, too. */
  readonly files: readonly OpenFile[] | undefined;
  readonly source: Source;
}

/** A page's lines with what they are; undefined when counting shows that there are gaps. */
export async function readNearRows(
  { session, decoded }: { readonly session: Session; readonly decoded: DecodedFiles },
  { query, near, files, source }: Near,
): Promise<Omit<LakeResult, "bytes"> & { lines: Uint8Array<ArrayBuffer> } | undefined> {
  const found: Segment[] = [];
  for (const { path, header } of files ?? []) {
    if (header.lastOpenTime < near.from || header.firstOpenTime >= near.to) continue;
    const columns = await decoded.of(session, path, header) ??
      await session.raw(selectSql({ near, columns: columnsOf(header), from: fromFile(path) }));
    found.push(segmentOf({ ...columns, scale: header.scale }, near));
  }
  if (files === undefined) {
    const from = `(${source.sql})`;
    const columns = await session.raw(selectSql({ near, columns: KLINE_COLUMNS, from }));
    found.push(segmentOf({ ...columns, scale: source.scale }, near));
  }
  const all = found.reduce((sum, { from, to }) => sum + to - from, 0);
  const kept = found.map((segment) => within(segment, near.kept));
  const rows = kept.reduce((sum, { from, to }) => sum + to - from, 0);
  const isExact = near.isWhole ? rows <= query.limit : rows === query.limit && all > query.limit;
  if (!isExact) return undefined;
  const shown = kept.filter(({ from, to }) => to > from);
  const [first, last] = [shown.at(0), shown.at(-1)];
  return {
    ...{ rows, more: !near.isWhole, lines: nearLines(shown, query) },
    firstOpenTime: first && first.columns[0]?.numbers[first.from],
    lastOpenTime: last && last.columns[0]?.numbers[last.to - 1],
  };
}

function fromFile(path: string): string {
  return `read_parquet(${literal(path)})`;
}

function selectSql(
  { near, columns, from }: { near: NearRange; columns: readonly string[]; from: string },
): string {
  return `select ${columns.join(", ")} from ${from}
    where open_time >= ${near.from} and open_time < ${near.to} order by open_time`;
}

/** The rows that are looked at, of all that the engine gave or that were kept of a file. */
function segmentOf(
  { scale, ...columns }: RawColumns & Pick<Segment, "scale">,
  { from, to }: NearRange,
): Segment {
  return within({ ...columns, scale, from: 0, to: columns.count }, [from, to]);
}

function within(segment: Segment, [from, to]: readonly [number, number]): Segment {
  const times = segment.columns[0]?.numbers ?? new Float64Array();
  return { ...segment, from: firstFrom(times, from, segment), to: firstFrom(times, to, segment) };
}

/** The first row that opens at or after `time`. */
function firstFrom(times: Float64Array, time: number, { from, to }: Segment): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
