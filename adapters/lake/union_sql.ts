import { widerScale } from "@/domain/klines/scale.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { Scale } from "@/domain/ports/lake.ts";
import { BASE_VOLUMES, PRICES, QUOTE_VOLUMES } from "./stage_sql.ts";

/** Candles of one declared type, to be read together with others. */
export interface Part {
  readonly sql: string;
  readonly scale: Scale;
  readonly width: number;
  /** Some candle may have a value after the volume. */
  readonly hasDetail: boolean;
  readonly firstOpenTime: number;
  readonly lastOpenTime: number;
}

/** Candles as a select of our columns, and the type that its decimals have. */
export interface Source {
  readonly sql: string;
  readonly scale: Scale;
  readonly width: number;
  readonly hasDetail: boolean;
}

/**
 * All parts as one select. Where they declare different decimals each is cast to the widest scale:
 * what the engine chooses by itself may round. The cast fails when `width` digits are too few.
 */
export function unionOf(parts: readonly Part[], width: 18 | 38): Source | undefined {
  const [first, ...others] = parts;
  if (first === undefined) return undefined;
  if (others.length === 0) return first;
  const scale = others.reduce((widest, part) => widerScale(widest, part.scale), first.scale);
  const sql = parts.map((part) => castTo(part.sql, scale, width)).join(" union all ");
  return { sql, scale, width, hasDetail: parts.some((part) => part.hasDetail) };
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
