import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { Session } from "./engine.ts";
import type { FileHeader } from "./period_file.ts";
import type { RawColumns } from "./raw_columns.ts";
import { literal } from "./sql.ts";

/** Ten months of 1m without details. */
const MAX_BYTES = 24 * 1024 * 1024;
/** Larger files are not worth the wait. */
const MAX_ROWS = 100_000;
const MAX_ASKED = 256;
/** What a bigint in a list takes, about. */
const BIG = 32;

/**
 * Values of files that are read again and again, as by somebody who pages through a month: the engine
 * unpacks all of a column to find a thousand values. A file is kept from its second read on.
 */
export class DecodedFiles {
  readonly #kept = new Map<FileHeader, RawColumns>();
  readonly #asked = new Set<FileHeader>();
  readonly #maxBytes: number;
  #bytes = 0;
  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** All rows of a file, ascending; undefined at its first read. The same header means the same file. */
  async of(session: Session, path: string, header: FileHeader): Promise<RawColumns | undefined> {
    const known = this.#kept.get(header);
    if (known === undefined && !this.#isWorth(header)) return undefined;
    const columns = known ?? await session.raw(`select ${columnsOf(header).join(", ")}
      from read_parquet(${literal(path)}) order by open_time`);
    if (!this.#kept.delete(header)) this.#bytes += bytesOf(columns);
    this.#kept.set(header, columns);
    for (const [oldest, { columns, count }] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#bytes -= bytesOf({ columns, count });
      this.#kept.delete(oldest);
    }
    return columns;
  }

  #isWorth(header: FileHeader): boolean {
    const isAgain = this.#asked.delete(header);
    this.#asked.add(header);
    for (const oldest of this.#asked) {
      if (this.#asked.size <= MAX_ASKED) break;
      this.#asked.delete(oldest);
    }
    return isAgain && header.rows <= MAX_ROWS;
  }
}

/** Those that have values: the others are at the end. */
export function columnsOf({ hasDetail }: FileHeader): readonly string[] {
  return hasDetail ? KLINE_COLUMNS : KLINE_COLUMNS.slice(0, 6);
}

function bytesOf({ columns, count }: RawColumns): number {
  return columns.reduce((sum, { wide }) => sum + count * (wide === undefined ? 8 : 8 + BIG), 0);
}
