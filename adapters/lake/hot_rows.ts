import type { HotRows } from "@/domain/ports/lake.ts";
import type { Engine } from "./engine.ts";
import { decimalSql, type DecimalType, WIDE } from "./numbers_sql.ts";
import { FILE_COLUMNS } from "./period_file.ts";
import { literal } from "./sql.ts";
import { DECIMALS } from "./stage_sql.ts";
import type { Part } from "./union_sql.ts";

const [POINT, COMMA, NEWLINE, MINUS] = [46, 44, 10, 45] as const;

/**
 * Lends hot rows, which are ascending, to the engine as a select of the file columns, through a file that is gone
 * afterwards: a parameter of megabytes takes it longer.
 */
export async function withHotRows<T>(
  engine: Engine,
  hot: HotRows,
  work: (part: Part) => Promise<T>,
): Promise<T> {
  const path = engine.tempPath("csv");
  const type = hotRowsType(hot);
  await Deno.writeTextFile(path, hot);
  try {
    return await work({ sql: hotRowsSql(path, type), ...hotFacts(hot, type) });
  } finally {
    await Deno.remove(path);
  }
}

function hotFacts(hot: HotRows, { width, scale }: DecimalType): Omit<Part, "sql"> {
  const last = hot.lastIndexOf("\n", hot.length - 2) + 1;
  return {
    width,
    hasDetail: true,
    scale: { price: scale, volume: scale, quote: scale },
    firstOpenTime: parseInt(hot, 10),
    lastOpenTime: parseInt(hot.slice(last), 10),
  };
}

function hotRowsSql(path: string, type: DecimalType): string {
  const columns = FILE_COLUMNS.map((name) => {
    const isDecimal = DECIMALS.some((decimal) => decimal === name);
    return `'${name}': '${isDecimal ? decimalSql(type) : "bigint"}'`;
  });
  return `select * from read_csv(${literal(path)}, auto_detect = false, header = false,
    delim = ',', quote = '', escape = '', columns = {${columns.join(", ")}})`;
}

/** Columns that are integers, whatever digits they have. */
const INTEGERS: ReadonlySet<number> = new Set(
  FILE_COLUMNS.flatMap((name, at) => DECIMALS.some((decimal) => decimal === name) ? [] : [at]),
);

/** Decimal type that holds every number of the text; the engine would round to a smaller one. */
export function hotRowsType(hot: HotRows): DecimalType {
  let [integers, decimals, digits, column, pointed] = [0, 0, 0, 0, false];
  for (let at = 0; at <= hot.length; at++) {
    const code = at === hot.length ? NEWLINE : hot.charCodeAt(at);
    if (code === COMMA || code === NEWLINE) {
      if (pointed) decimals = Math.max(decimals, digits);
      else if (!INTEGERS.has(column)) integers = Math.max(integers, digits);
      [digits, pointed, column] = [0, false, code === COMMA ? column + 1 : 0];
    } else if (code === POINT) {
      integers = Math.max(integers, digits);
      [digits, pointed] = [0, true];
    } else if (code !== MINUS) digits++;
  }
  return integers + decimals <= 18 ? { width: 18, scale: decimals } : WIDE;
}
