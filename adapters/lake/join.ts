import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { Session } from "./engine.ts";
import { ROW_GROUP } from "./period_file.ts";
import { literal } from "./sql.ts";
import { type Part, unionOf } from "./union_sql.ts";

/** Joins Parquet files that `read` has made, one after the other, into one. */
export async function joinFiles(
  session: Session,
  { paths, outPath }: { paths: readonly string[]; outPath: string },
): Promise<void> {
  const parts: Part[] = [];
  for (const path of paths) parts.push(await partOf(session, path));
  const alike = parts.every(({ scale, width }) =>
    width === 18 && JSON.stringify(scale) === JSON.stringify(parts[0]?.scale)
  );
  const source = unionOf(parts, alike ? 18 : 38);
  if (source === undefined) throw new Error("Cannot join files: none was given");
  await session.run(`copy (${source.sql}) to ${literal(outPath)} (format parquet,
    compression zstd, compression_level 9, parquet_version v2, row_group_size ${ROW_GROUP})`);
}

async function partOf(session: Session, path: string): Promise<Part> {
  const types = await session.rows(`select name, scale, precision
    from parquet_schema(${literal(path)}) where scale is not null`);
  const scales = new Map(types.map(([name, scale]) => [name, Number(scale)]));
  const of = (name: string) => scales.get(name) ?? 0;
  return {
    sql: `select ${KLINE_COLUMNS.join(", ")} from read_parquet(${literal(path)})`,
    scale: { price: of("open"), volume: of("volume"), quote: of("quote_volume") },
    width: Math.max(...types.map(([, , precision]) => Number(precision))),
    hasDetail: true,
    // Not asked for: the files are read as a whole.
    firstOpenTime: 0,
    lastOpenTime: 0,
  };
}
