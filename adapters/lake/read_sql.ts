import { intervalMs, slotFrom } from "@/domain/klines/interval.ts";
import type { LakeQuery } from "@/domain/ports/lake.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { Source } from "./union_sql.ts";
import { nextSlotSql, slotEndSql, slotStartSql } from "./sql.ts";

export type Shape = Pick<
  LakeQuery,
  | "stored"
  | "interval"
  | "from"
  | "to"
  | "limit"
  | "keep"
  | "fill"
  | "shown"
  | "partial"
  | "completeTo"
  | "offsetMs"
>;

/** What larger bars are made by. */
export type BarShape = Pick<Shape, "interval" | "partial" | "completeTo" | "offsetMs">;

/** The candles asked for, one more than the limit, numbered from the end that is kept. */
export function pickedSql(source: Source, query: Shape): string {
  const { limit, keep, stored, interval, fill } = query;
  const sql = inRangeSql(source, query);
  const bars = stored === interval ? sql : aggregateSql({ ...source, sql }, query);
  const all = fill === "previous" ? fillSql(bars, query) : bars;
  const direction = keep === "oldest" ? "asc" : "desc";
  return `select *, row_number() over (order by open_time ${direction}) as place
    from (select * from (${all})${shownSql(query)} order by open_time ${direction} limit ${
    limit + 1
  })`;
}

/** The stored candles that count. */
export function inRangeSql({ sql }: Source, { from, to }: Pick<Shape, "from" | "to">): string {
  return `select ${KLINE_COLUMNS.join(", ")} from (${sql})
    where open_time >= ${from} and open_time < ${Math.min(to, Number.MAX_SAFE_INTEGER)}`;
}

function shownSql({ shown }: Shape): string {
  if (shown === undefined) return "";
  const [from, to] = shown.map(finite);
  return ` where open_time >= ${from} and open_time < ${to}`;
}

function finite(time: number): number {
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(time, Number.MAX_SAFE_INTEGER));
}

/**
 * Larger bars as domain/klines/aggregate.ts makes them. For the open, candles without volume come
 * after all others, for the close before them; high and low ask all candles when none has volume.
 */
export function aggregateSql(
  { sql, scale, hasDetail }: Pick<Source, "sql" | "scale" | "hasDetail">,
  { interval, partial, completeTo, offsetMs }: BarShape,
): string {
  const far = Number.MAX_SAFE_INTEGER;
  const traded = (value: string, other: string) =>
    `case when volume <> 0 then ${value} else ${other} end`;
  // The engine adds up nulls too: a third of its time where no candle has more than a volume.
  const sums = hasDetail
    ? [
      sumSql("quote_volume"),
      sumSql("trades_count", "::bigint"),
      sumSql("taker_buy_volume"),
      sumSql("taker_buy_quote_volume"),
    ]
    : [
      `null::decimal(38, ${scale.quote}) as quote_volume`,
      "null::bigint as trades_count",
      `null::decimal(38, ${scale.volume}) as taker_buy_volume`,
      `null::decimal(38, ${scale.quote}) as taker_buy_quote_volume`,
    ];
  const bars = `select slot as open_time,
      arg_min(open, ${traded("open_time", `open_time + ${far}`)}) as open,
      coalesce(max(${traded("high", "null")}), max(high)) as high,
      coalesce(min(${traded("low", "null")}), min(low)) as low,
      arg_max(close, ${traded(`open_time + ${far}`, "open_time")}) as close,
      sum(volume) as volume, null::bigint as close_time, ${sums.join(", ")}
    from (select *, ${
    slotStartSql(interval, "open_time", offsetMs)
  } as slot from (${sql})) group by slot`;
  if (partial) return bars;
  const end = slotEndSql(interval, "open_time", offsetMs);
  return `select * from (${bars}) where ${end} <= ${completeTo}`;
}

/** Exact; null where a part has none. */
function sumSql(name: string, type = ""): string {
  return `case when count(${name}) = count(*) then sum(${name})${type} end as ${name}`;
}

/** Empty slots between candles, as domain/klines/fill.ts fills them; of a long gap only what can be kept. */
function fillSql(candles: string, { interval, limit, keep, shown }: Shape): string {
  const [from, to] = (shown ?? [-Infinity, Infinity]).map((edge) =>
    finite(Number.isFinite(edge) ? slotFrom(interval, edge) : edge)
  );
  const first = `greatest(${nextSlotSql(interval, slotStartSql(interval, "open_time"))}, ${from})`;
  const end = `least(${slotStartSql(interval, "following")}, ${to})`;
  const still = (name: string) => `case when ${name} is null then null else 0 end as ${name}`;
  return `with given as materialized (${candles})
    select ${KLINE_COLUMNS.join(", ")} from given union all by name
    select unnest(${slotsSql(interval, { limit, keep })}) as open_time, close as open,
      close as high, close as low, close, 0 as volume, null::bigint as close_time,
      ${["quote_volume", "trades_count", "taker_buy_volume", "taker_buy_quote_volume"].map(still)}
    from (select *, ${first} as first_slot, ${end} as end_slot
      from (select *, lead(open_time) over (order by open_time) as following from given)
      where following is not null)
    where first_slot < end_slot`;
}

function slotsSql(
  interval: LakeQuery["interval"],
  { limit, keep }: Pick<Shape, "limit" | "keep">,
): string {
  if (interval === "1M") {
    return `list_transform(range(make_timestamp_ms(first_slot), make_timestamp_ms(end_slot),
      interval 1 month), lambda t: epoch_ms(t))`;
  }
  const ms = intervalMs(interval);
  const span = (limit + 1) * ms;
  return keep === "oldest"
    ? `range(first_slot, least(end_slot, first_slot + ${span}), ${ms})`
    : `range(greatest(first_slot, end_slot - ${span}), end_slot, ${ms})`;
}
