import {
  type DuckDBDataChunk,
  DuckDBDecimal128Vector,
  DuckDBDecimal16Vector,
  DuckDBDecimal32Vector,
  DuckDBDecimal64Vector,
  type DuckDBVector,
} from "@duckdb/node-api";

/** Values of integer and decimal columns, decimals without their point. */
export interface RawColumns {
  readonly count: number;
  readonly columns: readonly RawColumn[];
}

export interface RawColumn {
  /** NaN for null. */
  readonly numbers: Float64Array;
  /** The exact values, where one of them is beyond what a double counts. */
  readonly wide: readonly (bigint | null)[] | undefined;
}

/** Numbers instead of values that are objects: ten thousands of them take milliseconds. */
export function rawColumns(chunks: readonly DuckDBDataChunk[]): RawColumns {
  const count = chunks.reduce((sum, { rowCount }) => sum + rowCount, 0);
  const width = chunks[0]?.columnCount ?? 0;
  return { count, columns: Array.from({ length: width }, (_, at) => column(chunks, at, count)) };
}

function column(chunks: readonly DuckDBDataChunk[], at: number, count: number): RawColumn {
  const numbers = new Float64Array(count);
  let [row, isWide] = [0, false];
  for (const chunk of chunks) {
    const read = reader(chunk.getColumnVector(at));
    for (let i = 0; i < chunk.rowCount; i++) {
      const value = read(i);
      const number = value === null ? NaN : Number(value);
      if (Math.abs(number) > Number.MAX_SAFE_INTEGER) isWide = true;
      numbers[row++] = number;
    }
  }
  return { numbers, wide: isWide ? exact(chunks, at) : undefined };
}

function exact(chunks: readonly DuckDBDataChunk[], at: number): (bigint | null)[] {
  return chunks.flatMap((chunk) => {
    const read = reader(chunk.getColumnVector(at));
    return Array.from({ length: chunk.rowCount }, (_, i) => {
      const value = read(i);
      return value === null ? null : BigInt(value);
    });
  });
}

type Read = (row: number) => bigint | number | null;

function reader(vector: DuckDBVector): Read {
  for (const kind of DECIMALS) {
    if (vector instanceof kind) return (row) => vector.getScaledValue(row);
  }
  return (row) => {
    const value = vector.getItem(row);
    if (typeof value === "bigint" || typeof value === "number" || value === null) return value;
    throw new TypeError(`Cannot take ${typeof value} as an integer out of the engine`);
  };
}

const DECIMALS = [
  DuckDBDecimal64Vector,
  DuckDBDecimal128Vector,
  DuckDBDecimal32Vector,
  DuckDBDecimal16Vector,
] as const;
