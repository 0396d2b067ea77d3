import { SOURCE_RANK } from "@/domain/klines/candle.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { CompareOptions } from "@/domain/ports/lake.ts";
import { DECIMALS } from "./stage_sql.ts";

const CARRIED_ALWAYS = ["open", "high", "low", "close", "volume"] as const;

const DETAILS = [
  "quote_volume",
  "trades_count",
  "taker_buy_volume",
  "taker_buy_quote_volume",
] as const;

/** What a batch row means for the held one: as domain/klines/compare.ts decides it, set-based. */
export const VERDICTS = { ingested: 0, revised: 1, unchanged: 2, heldBetter: 3 } as const;

/** Every batch row with its verdict, where something is held. */
export function verdictSql(batch: string, held: string, options: CompareOptions): string {
  const { source, overwrite } = options;
  const rank = SOURCE_RANK[source];
  const isBetter = overwrite ? "false" : `h."source" > ${rank}`;
  return `select ${KLINE_COLUMNS.map((name) => `b.${name}`).join(", ")}, ${rank} as "source",
      case when h.open_time is null then ${VERDICTS.ingested}
        when ${unchangedSql()} then ${VERDICTS.unchanged}
        when ${isBetter} then ${VERDICTS.heldBetter}
        else ${VERDICTS.revised} end::tinyint as verdict
    from (${batch}) b left join (${held}) h on b.open_time = h.open_time`;
}

function unchangedSql(): string {
  const carriesCloseTime = ["close_time", ...DETAILS].map((name) => `b.${name} is not null`);
  return [
    ...CARRIED_ALWAYS.map((name) => `${exact("b", name)} = ${exact("h", name)}`),
    ...DETAILS.map((name) =>
      `(b.${name} is null or ${exact("b", name)} is not distinct from ${exact("h", name)})`
    ),
    `(not (${carriesCloseTime.join(" or ")}) or b.close_time is not distinct from h.close_time)`,
  ].join(" and ");
}

/** At one type: the engine's own choice between two decimal types may round. */
function exact(side: string, name: string): string {
  const isDecimal = DECIMALS.some((decimal) => decimal === name);
  return isDecimal ? `${side}.${name}::decimal(38, 18)` : `${side}.${name}`;
}
