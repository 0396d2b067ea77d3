import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { StagedFile } from "@/domain/ports/lake.ts";
import { Refusal } from "@/domain/decider.ts";
import {
  hasDetail,
  type KlineColumn,
  placedColumns,
  placesByName,
  placesByOrder,
} from "./column_names.ts";
import { type CsvLayout, csvLayout, splitCsvLine } from "./csv_layout.ts";
import type { Engine, Session } from "./engine.ts";
import { readJsonRows } from "./json_rows.ts";
import { type DecimalType, sampledType } from "./numbers_sql.ts";
import { openParquet, type ParquetSource } from "./parquet_source.ts";
import { PLAIN_DELIMITER, plainLine, repairCsv } from "./repair_csv.ts";
import { literal, literals } from "./sql.ts";
import { headOf, LineFile, textOf } from "./text_file.ts";
import { unpack } from "./unpack.ts";

/** A file of the input, as the engine can read it. */
export type RawSource = CsvSource | ParquetSource;

export interface CsvSource {
  readonly kind: "csv";
  readonly carriesDetail: boolean;
  readonly type: DecimalType;
  readonly path: string;
  readonly layout: CsvLayout;
  /** Written by us: every line has the right number of fields. */
  readonly repaired: boolean;
}

export interface OpenContext {
  readonly engine: Engine;
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Files to remove when staged. */
  readonly temporary: string[];
}

const SAMPLE_CHARACTERS = 256 * 1024;

/** Finds out how a file is laid out. Undefined when it is empty; throws a Refusal when it is not what it is said to be. */
export async function openSource(
  context: OpenContext,
  { path: given, format, gzip, maxUnpackedBytes }: StagedFile,
): Promise<RawSource | undefined> {
  const path = gzip ? await unpacked(context, given) : given;
  switch (format) {
    case "csv":
      return await openCsv(context, path);
    case "json":
    case "freqtrade":
      return await openJson(context, path);
    case "parquet":
      return await openParquet(context.session, path, maxUnpackedBytes);
  }
}

async function unpacked({ engine, signal, temporary }: OpenContext, path: string): Promise<string> {
  const outPath = engine.tempPath("unpacked");
  temporary.push(outPath);
  await unpack(path, { outPath, signal });
  return outPath;
}

async function openCsv(context: OpenContext, path: string): Promise<CsvSource | undefined> {
  const sample = await headOf(path, SAMPLE_CHARACTERS);
  const layout = csvLayout(sample);
  if (layout === undefined) return undefined;
  const lines = sample.split(/\r\n|\n|\r/).slice(layout.header ? 1 : 0, 1000);
  const type = sampledType(numbersOf(lines, layout));
  const carriesDetail = hasDetail(layout.places);
  const source = { kind: "csv", path, layout, type, carriesDetail, repaired: false } as const;
  return layout.plain ? source : await repairedSource(context, source);
}

/** The same file written again in the one form that the engine always reads. */
export async function repairedSource(
  { engine, signal, temporary }: Pick<OpenContext, "engine" | "signal" | "temporary">,
  source: CsvSource,
): Promise<CsvSource> {
  const outPath = engine.tempPath("csv");
  temporary.push(outPath);
  await repairCsv(source.path, source.layout, { outPath, signal });
  return {
    ...source,
    path: outPath,
    layout: { ...source.layout, delimiter: PLAIN_DELIMITER, header: false, plain: true },
    repaired: true,
  };
}

async function openJson(
  { engine, signal, temporary }: OpenContext,
  given: string,
): Promise<CsvSource | undefined> {
  const path = engine.tempPath("csv");
  temporary.push(path);
  const out = new LineFile(path);
  const sample: string[] = [];
  let layout: Pick<CsvLayout, "fields" | "places"> | undefined;
  let columns: readonly string[] | undefined;
  try {
    columns = await readJsonRows(textOf(given), async (values, names) => {
      signal.throwIfAborted();
      layout ??= jsonLayout(values, names);
      const line = plainLine(values, layout);
      if (sample.length < 1000) sample.push(line);
      await out.write(line);
    });
  } finally {
    await out.close();
  }
  if (layout === undefined) return undefined;
  if (columns !== undefined && columns.length !== layout.fields) {
    const message = `Cannot match ${columns.length} columns with rows of ${layout.fields} values`;
    throw new Refusal("validation_error", message, { field: "columns" });
  }
  const places = columns === undefined ? layout.places : placesByName(columns);
  const whole = { ...layout, places, delimiter: PLAIN_DELIMITER, header: false, plain: true };
  return {
    kind: "csv",
    path,
    layout: whole,
    repaired: true,
    carriesDetail: hasDetail(places),
    type: sampledType(numbersOf(sample, whole)),
  };
}

/** Columns may come after the rows; until then a row says itself how wide rows are. */
function jsonLayout(
  values: readonly string[],
  columns: readonly string[] | undefined,
): Pick<CsvLayout, "fields" | "places"> {
  if (columns !== undefined) return { fields: columns.length, places: placesByName(columns) };
  const fields = Math.max(6, values.length);
  return { fields, places: placesByOrder(fields) };
}

/** Reads files of one layout together, in order. */
export function csvSql(
  sources: readonly CsvSource[],
  { delimiter, fields, header, places }: CsvLayout,
  typeOf: (name: KlineColumn) => string = () => "varchar",
): string {
  const types = new Map(KLINE_COLUMNS.map((name) => [places[name], typeOf(name)] as const));
  const columns = Array.from(
    { length: fields },
    (_, at) => `'c${at}': '${types.get(at) ?? "varchar"}'`,
  );
  return `select ${placedColumns(places, (at) => `c${at}`, typeOf)} from read_csv(
    ${literals(sources.map(({ path }) => path))}, auto_detect = false, header = false,
    skip = ${header ? 1 : 0}, delim = ${literal(delimiter)}, quote = '', escape = '',
    null_padding = false, compression = 'none',
    columns = {${columns.join(", ")}})`;
}

function numbersOf(
  lines: readonly string[],
  { delimiter, places }: Pick<CsvLayout, "delimiter" | "places">,
): string[] {
  const { open_time: _open, close_time: _close, ...numbers } = places;
  return lines.flatMap((line) => {
    const fields = splitCsvLine(line, delimiter);
    return Object.values(numbers).map((at) => fields[at] ?? "");
  });
}
