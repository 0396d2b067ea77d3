import { Refusal } from "@/domain/decider.ts";
import { hasDetail, placedColumns, placesByName } from "./column_names.ts";
import type { Cells, Session } from "./engine.ts";
import { isOwnTrouble } from "./engine_error.ts";
import { type DecimalType, sampledType } from "./numbers_sql.ts";
import { literal } from "./sql.ts";

export interface ParquetSource {
  readonly kind: "parquet";
  readonly carriesDetail: boolean;
  readonly type: DecimalType;
  /** Selects the eleven columns as text. */
  readonly sql: string;
  /** Selects them as they are, where all of them are exact: integers, decimals, timestamps. */
  readonly exactSql: string | undefined;
}

/** The shortest line of CSV with a time in ms and six values: what a row takes at least as text. */
const LEAST_ROW_BYTES = 24;

/**
 * Finds out what a Parquet file holds. Throws a Refusal when it is none, or not one of candles, or
 * when its footer says that it holds more than `maxUnpackedBytes`.
 */
export async function openParquet(
  session: Session,
  path: string,
  maxUnpackedBytes = Infinity,
): Promise<ParquetSource> {
  if (maxUnpackedBytes < Infinity) await checkFooter(session, path, maxUnpackedBytes);
  const file = `read_parquet(${literal(path)})`;
  const columns = await ask(
    session,
    `select column_name, column_type from (describe from ${file})`,
  );
  const places = placesByName(columns.map(([name]) => String(name)));
  const types = columns.map(([, type]) => String(type));
  // Columns are named by their place: a file's own names never become SQL.
  const from = `from ${file} f(${types.map((_, at) => `c${at}`).join(", ")})`;
  const sql = `select ${placedColumns(places, (at) => textSql(`c${at}`, types[at] ?? ""))} ${from}`;
  const sample = await ask(session, `${sql} limit 1000`);
  const numbers = sample.flatMap((row) => row.slice(1, 6).concat(row.slice(7)).map(String));
  const type = sampledType(numbers);
  const isExact = Object.values(places).every((at) => EXACT_TYPE.test(types[at] ?? ""));
  const exactSql = isExact
    ? `select ${
      placedColumns(places, (at) => exactValue(`c${at}`, types[at] ?? ""), () => "bigint")
    } ${from}`
    : undefined;
  return { kind: "parquet", sql, exactSql, carriesDetail: hasDetail(places), type };
}

/** A few kB of equal values unpack to as many rows as one likes: they are counted, too. */
async function checkFooter(session: Session, path: string, maxBytes: number): Promise<void> {
  const [facts] = await ask(
    session,
    `select coalesce(sum(total_uncompressed_size), 0)::double, (
      select coalesce(sum(num_rows), 0)::double from parquet_file_metadata(${literal(path)})
    ) from parquet_metadata(${literal(path)})`,
  );
  const [sizeBytes = 0, rows = 0] = (facts ?? []).map(Number);
  const most = Math.floor(maxBytes / LEAST_ROW_BYTES);
  if (sizeBytes <= maxBytes && rows <= most) return;
  const limit = `${maxBytes / 1024 / 1024} MB unpacked or ${most} rows`;
  throw new Refusal("payload_too_large", `Cannot take more than ${limit}: send it in parts`);
}

/** What the engine says of a bad file names our paths and its own parts: nobody is helped by it. */
async function ask(session: Session, sql: string): Promise<readonly Cells[]> {
  try {
    return await session.rows(sql);
  } catch (error) {
    if (isOwnTrouble(error)) throw error;
    const message = "Cannot read the Parquet file: it is damaged, or no Parquet file";
    throw new Refusal("validation_error", message);
  }
}

const EXACT_TYPE = /^(DECIMAL\(.*|TINYINT|SMALLINT|INTEGER|BIGINT|TIMESTAMP.*|DATE)$/;

function exactValue(column: string, type: string): string {
  return isTime(type) ? `epoch_ms(${column})` : column;
}

function textSql(column: string, type: string): string {
  return isTime(type) ? `epoch_ms(${column})::varchar` : `${column}::varchar`;
}

function isTime(type: string): boolean {
  return type.startsWith("TIMESTAMP") || type === "DATE";
}
