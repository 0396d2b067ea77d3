import type { Scale } from "@/domain/ports/lake.ts";
import type { Session } from "./engine.ts";
import type { DecimalType } from "./numbers_sql.ts";
import { literal } from "./sql.ts";
import { BASE_VOLUMES, PRICES, QUOTE_VOLUMES } from "./stage_sql.ts";

/** The decimals that the values of a table of candles need. */
export async function scaleOf(session: Session, table: string): Promise<Scale> {
  const least = async (columns: readonly string[]) => {
    const type = await columnType(session, table, columns);
    // Too few decimals are found out at the first row that needs more, so only the last step reads all.
    for (let scale = 0; scale < type.scale; scale++) {
      if ((await session.rows(inexactSql(table, columns, { narrow: scale, type }))).length === 0) {
        return scale;
      }
    }
    return type.scale;
  };
  return {
    price: await least(PRICES),
    volume: await least(BASE_VOLUMES),
    quote: await least(QUOTE_VOLUMES),
  };
}

/** Whether the values of a table of candles are exact with these decimals. */
export async function isExactAt(session: Session, table: string, scale: Scale): Promise<boolean> {
  const groups: readonly (readonly [readonly string[], number])[] = [
    [PRICES, scale.price],
    [BASE_VOLUMES, scale.volume],
    [QUOTE_VOLUMES, scale.quote],
  ];
  for (const [columns, narrow] of groups) {
    const type = await columnType(session, table, columns);
    if (narrow >= type.scale) continue;
    const inexact = await session.rows(inexactSql(table, columns, { narrow, type }));
    if (inexact.length > 0) return false;
  }
  return true;
}

/** Columns of one kind are declared alike. */
async function columnType(
  session: Session,
  table: string,
  [first = ""]: readonly string[],
): Promise<DecimalType> {
  const [row] = await session.rows(`select column_type from (describe ${table})
    where column_name = ${literal(first)}`);
  const [, width, scale] = /^DECIMAL\((\d+),(\d+)\)$/.exec(String(row?.[0])) ?? [];
  return { width: width === "18" ? 18 : 38, scale: Number(scale) };
}

/** One row that a column does not hold exactly at the scale, if there is any. Rounding up may overflow: then it does not. */
function inexactSql(
  table: string,
  columns: readonly string[],
  { narrow, type: { width, scale } }: { narrow: number; type: DecimalType },
): string {
  const inexact = columns.map((name) => {
    const rounded = `${name}::decimal(${width}, ${narrow})`;
    return `try_cast(${rounded} as decimal(${width}, ${scale})) is distinct from ${name}`;
  });
  return `select 1 from ${table} where ${inexact.join(" or ")} limit 1`;
}
