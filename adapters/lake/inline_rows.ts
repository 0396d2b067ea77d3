import { decimalScale } from "@/domain/klines/decimal.ts";
import { SOURCE_RANK } from "@/domain/klines/candle.ts";
import type { InlineCandles, Scale } from "@/domain/ports/lake.ts";
import type { Session } from "./engine.ts";
import { FILE_COLUMNS, quoted, typedColumns } from "./period_file.ts";
import { BASE_VOLUMES, PRICES } from "./stage_sql.ts";

/** Collects candles that events hold themselves into a new table of texts. Answers the decimals they need. */
export async function collectInline(
  session: Session,
  table: string,
  inline: readonly InlineCandles[],
): Promise<Scale> {
  const columns = [...FILE_COLUMNS.map(quoted), "position"].map((name) => `${name} varchar`);
  await session.run(`create table ${table} (${columns.join(", ")})`);
  const scale = { price: 0, volume: 0, quote: 0 };
  const rows = inline.flatMap(({ position, source, candles }) =>
    candles.map((candle) => {
      for (const [at, value] of candle.entries()) {
        const kind = KINDS[at];
        if (kind === undefined || typeof value !== "string") continue;
        scale[kind] = Math.max(scale[kind], decimalScale(value));
      }
      return [...candle, SOURCE_RANK[source], position]
        .map((value) => value === null ? null : String(value));
    })
  );
  await session.append(table, rows);
  return scale;
}

/** Selects them as a file has them, with the position of their event. */
export function inlineSql(
  table: string,
  { scale, width }: { scale: Scale; width: 18 | 38 },
): string {
  return `select ${typedColumns(scale, width)}, position::bigint as position from ${table}`;
}

/** Which decimals a column counts among. */
const KINDS = FILE_COLUMNS.map((name): keyof Scale | undefined => {
  if (PRICES.some((price) => price === name)) return "price";
  if (BASE_VOLUMES.some((volume) => volume === name)) return "volume";
  return name === "quote_volume" || name === "taker_buy_quote_volume" ? "quote" : undefined;
});
