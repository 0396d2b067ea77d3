import { Refusal } from "../decider.ts";
import { DAY_MS, intervalMs } from "./interval.ts";
import { formatSeries, intervalFolder, type SeriesRef } from "./series_ref.ts";

/** Which of Binance's markets a symbol would trade in; each has files of its own kind. */
export type VisionMarket = "spot" | "futures/um" | "futures/cm";

/** One zip of data.binance.vision and the open times that belong in it. */
export interface VisionFile {
  readonly cadence: "daily" | "monthly";
  /** `spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08.zip` */
  readonly path: string;
  /** Epoch ms, inclusive. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USDT:USDT-240628` */
const UNIFIED = /^([A-Z0-9]+)\/([A-Z0-9]+)(?::([A-Z0-9]+)(?:-(\d{6}))?)?$/i;

/** Where the layout has a series and what it calls the symbol. Refusal for what it has no place for. */
export function visionPlace(
  series: SeriesRef,
): { readonly market: VisionMarket; readonly symbol: string } {
  const { symbol } = series;
  const parts = UNIFIED.exec(symbol);
  if (parts === null) {
    if (!/[/:]/.test(symbol)) return { market: "spot", symbol: plain(symbol) };
    throw new Refusal(
      "validation_error",
      `Cannot lay out ${formatSeries(series)} as Binance does: it is neither spot nor a future`,
      { field: "symbol" },
    );
  }
  const [, base = "", quote = "", settle, expiry] = parts;
  const pair = plain(base + quote);
  if (settle === undefined) return { market: "spot", symbol: pair };
  const suffix = expiry === undefined ? "" : `_${expiry}`;
  if (settle !== base) return { market: "futures/um", symbol: `${pair}${suffix}` };
  return { market: "futures/cm", symbol: `${pair}${suffix || "_PERP"}` };
}

/**
 * The zips for these open times, daily ones up to 1d and monthly ones for every interval: only
 * days and months that lie in the range as a whole, as far as they have ended by `now`.
 */
export function visionFiles(
  series: SeriesRef,
  { from, to, now }: { readonly from: number; readonly to: number; readonly now: number },
): VisionFile[] {
  const { market, symbol } = visionPlace(series);
  const interval = intervalFolder(series.interval);
  const end = Math.min(to, now);
  const path = (cadence: VisionFile["cadence"], period: string) =>
    `${market}/${cadence}/klines/${symbol}/${interval}/${symbol}-${interval}-${period}.zip`;
  const files: VisionFile[] = [];
  for (let month = monthFrom(from); nextMonth(month) <= end; month = nextMonth(month)) {
    const period = new Date(month).toISOString().slice(0, 7);
    files.push({
      ...{ cadence: "monthly", path: path("monthly", period), from: month, to: nextMonth(month) },
    });
  }
  if (series.interval === "1M" || intervalMs(series.interval) > DAY_MS) return files;
  for (let day = Math.ceil(from / DAY_MS) * DAY_MS; day + DAY_MS <= end; day += DAY_MS) {
    const period = new Date(day).toISOString().slice(0, 10);
    files.push({ cadence: "daily", path: path("daily", period), from: day, to: day + DAY_MS });
  }
  return files;
}

/** `BTCUSDT-1m-2017-08.zip`, `BTCUSD_PERP-1mo-2020-08-01.csv` */
const VISION_NAME =
  /(?:^|[/])([A-Z0-9]+(?:_[A-Z0-9]+)?)-(\d+(?:[smhdw]|mo)|1M)-\d{4}-\d\d(?:-\d\d)?\.(?:zip|csv)(?:$|[/])/;

/**
 * Refusal for a file that is named as Binance names the candles of another symbol or interval; other
 * names say nothing.
 */
export function refuseOtherVision(series: SeriesRef, name: string): void {
  const [, symbol = "", interval = ""] = VISION_NAME.exec(name) ?? [];
  if (symbol === "") return;
  const ours = symbolsOf(series);
  const isOurs = intervalFolder(series.interval) === interval.replace("1M", "1mo") &&
    ours.includes(symbol);
  if (isOurs) return;
  throw new Refusal(
    "validation_error",
    `Cannot import ${name} into ${formatSeries(series)}: by its name it holds ${symbol} ` +
      `${interval}; rename it if it does not`,
  );
}

/** Every market calls the pair alike, but for what is appended. */
function symbolsOf({ symbol }: SeriesRef): string[] {
  const [, base = "", quote = "", , expiry] = UNIFIED.exec(symbol) ?? [];
  const pair = base === "" ? plain(symbol) : plain(base + quote);
  return [pair, `${pair}_PERP`, ...(expiry === undefined ? [] : [`${pair}_${expiry}`])];
}

/** First ms of the month that holds `t`. */
export function monthStart(t: number): number {
  const date = new Date(t);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
}

export function nextMonth(month: number): number {
  const date = new Date(month);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}

function monthFrom(t: number): number {
  const start = monthStart(t);
  return start === t ? t : nextMonth(start);
}

function plain(symbol: string): string {
  return symbol.replaceAll(/[^A-Za-z0-9]/g, "").toUpperCase();
}
