import type { Interval } from "@/domain/klines/interval.ts";
import { periodOf } from "@/domain/klines/period.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { KlineColumn } from "./column_names.ts";
import { castSql, decimalSql, type DecimalType, plainNumber } from "./numbers_sql.ts";
import { slotEndSql } from "./sql.ts";
import { timeSql } from "./times_sql.ts";

export const PRICES = ["open", "high", "low", "close"] as const;
export const BASE_VOLUMES = ["volume", "taker_buy_volume"] as const;
export const QUOTE_VOLUMES = ["quote_volume", "taker_buy_quote_volume"] as const;
export const DECIMALS = [...PRICES, ...BASE_VOLUMES, ...QUOTE_VOLUMES] as const;

const OHLCV = ["open", "high", "low", "close", "volume"] as const;
const DETAIL_DECIMALS = ["quote_volume", "taker_buy_volume", "taker_buy_quote_volume"] as const;

/** Type of a column of valid rows. */
export function stagedType(name: KlineColumn, type: DecimalType): string {
  return DECIMALS.some((d) => d === name) ? decimalSql(type) : "bigint";
}

/** Staged rows: valid ones, and for the others the reason or (not read yet) their texts alone. */
export function createStageSql(table: string, type: DecimalType): string {
  const columns = KLINE_COLUMNS.map((name) => `${name} ${stagedType(name, type)}`);
  return `create table ${table} (${columns.join(", ")},
    "row" bigint, reason varchar, texts varchar[])`;
}

export interface StageRules {
  readonly interval: Interval;
  readonly now: number;
  readonly earliest: number;
  readonly latest: number;
  readonly type: DecimalType;
}

/**
 * Takes plain texts to typed rows with their reason, in one pass. A row with any text that is not
 * plain is not judged here: domain/klines/validate.ts reads it, so that there is one rule for it.
 */
export function stageSql(table: string, source: string, rules: StageRules): string {
  const { interval, type } = rules;
  const reason = `case when plain then ${reasonSql(rules)} end`;
  const columns = KLINE_COLUMNS.map((name) =>
    name === "close_time" ? irregularCloseSql(interval) : name
  );
  return `insert into ${table}
    select ${columns.join(", ")}, null, reason,
      case when not plain or reason is not null then texts() end
    from (select *, ${reason} as reason from (${typedSql(source, type)}))`
    .replace("texts()", `list_value(${KLINE_COLUMNS.map((name) => `${name}_text`).join(", ")})`);
}

/** Why a typed row is refused; null for a candle. */
export function reasonSql({ interval, now, earliest, latest }: Omit<StageRules, "type">): string {
  return `case when open_time < ${earliest} or open_time > ${latest}
      or close_time < open_time then 'bad_time'
    when low > least(open, close) or high < greatest(open, close) then 'ohlc_violation'
    when volume < 0 or quote_volume < 0 or taker_buy_volume < 0 or taker_buy_quote_volume < 0
      then 'negative_volume'
    when ${slotEndSql(interval, "open_time")} > ${now} then 'not_closed' end`;
}

/** A close time is kept only where it is not the regular one. */
export function irregularCloseSql(interval: Interval): string {
  return `nullif(close_time, ${slotEndSql(interval, "open_time")} - 1)`;
}

function typedSql(source: string, type: DecimalType): string {
  const texts = KLINE_COLUMNS.map((name) => `${name} as ${name}_text`);
  const decimals = DECIMALS.map((name) => `${castSql(`${name}_text`, type)} as ${name}`);
  const pattern = plainNumber(type);
  const plain = [
    "open_time is not null",
    ...OHLCV.map((name) => `coalesce(regexp_full_match(${name}_text, '${pattern}'), false)`),
    "(close_time_text is null or close_time is not null)",
    ...DETAIL_DECIMALS.map((name) => optional(name, pattern)),
    optional("trades_count", "[0-9]{1,15}"),
  ];
  return `select *, ${plain.join(" and ")} as plain from (
    select *, ${timeSql("open_time_text")} as open_time, ${
    timeSql("close_time_text")
  } as close_time,
      try_cast(trades_count_text as bigint) as trades_count, ${decimals.join(", ")}
    from (select ${texts.join(", ")} from (${source})))`;
}

function optional(name: string, pattern: string): string {
  return `(${name}_text is null or regexp_full_match(${name}_text, '${pattern}'))`;
}

/** Moves what was judged and refused to its own table, with its text. */
export function refuseSql(table: string, rejected: string): string {
  return `insert into ${rejected} select rowid + 1, reason, ${textsSql("texts")}
    from ${table} where reason is not null`;
}

/** Where one open time comes several times the last row wins: the others, and whether they say the same. */
export function duplicatesSql(table: string, { typed }: { typed: boolean }): string {
  const valid = typed
    ? `(select rowid as id, rowid + 1 as place, * from ${table})`
    : `(select rowid as id, coalesce("row", rowid + 1) as place, * from ${table}
    where texts is null)`;
  const said = `row(${KLINE_COLUMNS.join(", ")})`;
  return `select id, place, ${candleTextSql()} as candle, ${said} is not distinct from
      first_value(${said}) over (partition by open_time order by place desc) as same
    from ${valid}
    where open_time in (select open_time from ${valid} group by open_time having count(*) > 1)
    qualify row_number() over (partition by open_time order by place desc) > 1`;
}

function candleTextSql(): string {
  const columns = KLINE_COLUMNS.map((name) =>
    DECIMALS.some((d) => d === name) ? `plain(${name})` : `${name}::varchar`
  );
  return textsSql(`list_value(${columns.join(", ")})`);
}

/** A list of texts as one, missing ones empty. */
function textsSql(list: string): string {
  return `array_to_string(list_transform(${list}, lambda x: coalesce(x, '')), ',')`;
}

/** First and last open time and number of rows of each period that is held. */
export function periodsSql(table: string, interval: Interval): string {
  const unit = calendarOf(interval);
  const group = unit === undefined ? "()" : `date_trunc('${unit}', make_timestamp_ms(open_time))`;
  return `select count(*), min(open_time), max(open_time) from ${table}
    group by ${group} having count(*) > 0 order by min(open_time)`;
}

/** As domain/klines/period.ts divides time. */
function calendarOf(interval: Interval): string | undefined {
  const units = new Map([["2000-01-01", "day"], ["2000-01", "month"], ["2000", "year"]]);
  return units.get(periodOf(interval, Date.UTC(2000)));
}
