import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { Session } from "./engine.ts";
import type { FileHeader } from "./period_file.ts";
import type { RawColumns } from "./raw_columns.ts";
import { literal } from "./sql.ts";
import { WarmSet } from "./warm_set.ts";

/** Ten months of 1m without details. */
const MAX_BYTES = 24 * 1024 * 1024;
/** Larger files are not worth the wait. */
const MAX_ROWS = 100_000;
/** What a bigint in a list takes, about. */
const BIG = 32;

/**
 * Values of files that are read again and again, as by somebody who pages through a month: the engine
 * unpacks all of a column to find a thousand values. That takes as long as a few such reads, so it is
 * done for warm files alone: reads all over the years leave it be.
 */
export class DecodedFiles {
  readonly #kept = new Map<FileHeader, RawColumns>();
  readonly #warm: WarmSet<FileHeader>;
  /** What files turned out to take. */
  readonly #sizes = new WeakMap<FileHeader, number>();
  constructor(maxBytes = MAX_BYTES) {
    this.#warm = new WarmSet(maxBytes);
  }

  /** All rows of a file, ascending; undefined where it is not warm. The same header means the same file. */
  async of(session: Session, path: string, header: FileHeader): Promise<RawColumns | undefined> {
    this.#warm.touch(header);
    const known = this.#kept.get(header);
    if (known !== undefined || header.rows > MAX_ROWS) return known;
    const names = columnsOf(header);
    const size = this.#sizes.get(header) ?? header.rows * names.length * 8;
    if (this.#warm.victims(header, size) === undefined) return undefined;
    const columns = await session.raw(`select ${names.join(", ")}
      from read_parquet(${literal(path)}) order by open_time`);
    this.#sizes.set(header, bytesOf(columns));
    const gone = this.#warm.add(header, bytesOf(columns));
    for (const one of gone ?? []) this.#kept.delete(one);
    if (gone !== undefined) this.#kept.set(header, columns);
    return columns;
  }
}

/** Those that have values: the others are at the end. */
export function columnsOf({ hasDetail }: FileHeader): readonly string[] {
  return hasDetail ? KLINE_COLUMNS : KLINE_COLUMNS.slice(0, 6);
}

function bytesOf({ columns, count }: RawColumns): number {
  return columns.reduce((sum, { wide }) => sum + count * (wide === undefined ? 8 : 8 + BIG), 0);
}
