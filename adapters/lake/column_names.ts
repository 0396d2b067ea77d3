import { Refusal } from "@/domain/decider.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";

export type KlineColumn = typeof KLINE_COLUMNS[number];

/** Where an input has each of our columns, counted from 0. */
export type ColumnPlaces = Readonly<Partial<Record<KlineColumn, number>>>;

const REQUIRED: readonly KlineColumn[] = KLINE_COLUMNS.slice(0, 6);

/** How exchanges, ccxt, freqtrade, pandas exports and vendors name them, without case and `_`; the best first. */
const DIALECTS: Readonly<Record<KlineColumn, readonly string[]>> = {
  open_time: [
    "opentime",
    "timestamp",
    "datetime",
    "time",
    "date",
    "ts",
    "starttime",
    "opentimestamp",
  ],
  open: ["open", "o", "openprice"],
  high: ["high", "h", "highprice"],
  low: ["low", "l", "lowprice"],
  close: ["close", "c", "closeprice"],
  volume: ["volume", "vol", "basevolume", "v", "baseassetvolume"],
  close_time: ["closetime", "closetimestamp", "endtime"],
  quote_volume: ["quotevolume", "quoteav", "quoteassetvolume", "quotevol", "turnover"],
  trades_count: ["tradescount", "trades", "count", "numberoftrades", "numtrades", "tradecount"],
  taker_buy_volume: [
    "takerbuyvolume",
    "takerbuybase",
    "tbbaseav",
    "takerbuybaseassetvolume",
    "takerbuybasevolume",
  ],
  taker_buy_quote_volume: [
    "takerbuyquotevolume",
    "takerbuyquote",
    "tbquoteav",
    "takerbuyquoteassetvolume",
  ],
};

/** Numbers of columns that a file without a header may have: OHLCV, Binance's, and with its `ignore`. */
export const HEADERLESS_COLUMNS: readonly number[] = [6, 11, 12];

/** Our columns in Binance's order. */
export function placesByOrder(columns: number): ColumnPlaces {
  return Object.fromEntries(KLINE_COLUMNS.slice(0, columns).map((name, place) => [name, place]));
}

/** Finds our columns among an input's names. Throws a Refusal that says what is missing. */
export function placesByName(names: readonly string[]): ColumnPlaces {
  const places = knownPlaces(names);
  const missing = REQUIRED.filter((name) => places[name] === undefined);
  if (missing.length > 0) {
    const found = names.slice(0, 20).join(", ");
    throw new Refusal(
      "validation_error",
      `Cannot find column ${missing.join(", ")} among: ${found.slice(0, 300)}`,
    );
  }
  return places;
}

/** A line is a header when it names at least two of our columns. */
export function isHeader(names: readonly string[]): boolean {
  return Object.keys(knownPlaces(names)).length >= 2;
}

function knownPlaces(names: readonly string[]): ColumnPlaces {
  const plain = names.map((name) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, ""));
  const places: Partial<Record<KlineColumn, number>> = {};
  for (const column of KLINE_COLUMNS) {
    const place = DIALECTS[column].map((name) => plain.indexOf(name)).find((at) => at >= 0);
    if (place !== undefined) places[column] = place;
  }
  return places;
}

export function hasDetail(places: ColumnPlaces): boolean {
  return KLINE_COLUMNS.slice(6).some((name) => places[name] !== undefined);
}

/** Our columns in their order, for a select; null where an input has none. */
export function placedColumns(
  places: ColumnPlaces,
  select: (at: number) => string,
  typeOf: (name: KlineColumn) => string = () => "varchar",
): string {
  return KLINE_COLUMNS.map((name) => {
    const at = places[name];
    return `${at === undefined ? `null::${typeOf(name)}` : select(at)} as ${name}`;
  }).join(", ");
}
