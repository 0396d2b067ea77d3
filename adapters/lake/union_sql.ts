import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { Scale } from "@/domain/ports/lake.ts";
import { literals } from "./sql.ts";
import { BASE_VOLUMES, PRICES, QUOTE_VOLUMES } from "./stage_sql.ts";
import { widerScale } from "./scale.ts";

/** Candles to be read as one: files of one declared type, or other rows. */
export interface Part {
  readonly sql: string;
  /** The declared scales; a number when all columns have the same one. */
  readonly scale: Scale;
  readonly width: number;
}

export function filesPart(
  paths: readonly string[],
  { scale, width }: Pick<Part, "scale" | "width">,
): Part {
  const sql = `select ${KLINE_COLUMNS.join(", ")} from read_parquet(${literals(paths)})`;
  return { sql, scale, width };
}

/**
 * All parts as one select. Where they declare different decimals each is cast to the widest scale:
 * what the engine chooses by itself may round. The cast fails when `width` digits are too few.
 */
export function unionSql(parts: readonly Part[], width: 18 | 38): string | undefined {
  const [first, ...others] = parts;
  if (first === undefined) return undefined;
  if (others.length === 0) return first.sql;
  const scale = others.reduce((widest, part) => widerScale(widest, part.scale), first.scale);
  return parts.map(({ sql }) => castTo(sql, scale, width)).join(" union all ");
}

function castTo(sql: string, { price, volume, quote }: Scale, width: 18 | 38): string {
  const casts = [
    ...PRICES.map((name) => `${name}::decimal(${width}, ${price}) as ${name}`),
    ...BASE_VOLUMES.map((name) => `${name}::decimal(${width}, ${volume}) as ${name}`),
    ...QUOTE_VOLUMES.map((name) => `${name}::decimal(${width}, ${quote}) as ${name}`),
  ];
  return `select * replace (${casts.join(", ")})
    from (select ${KLINE_COLUMNS.join(", ")} from (${sql}))`;
}
