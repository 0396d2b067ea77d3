import type { Interval } from "./interval.ts";
import { lakeFolder } from "./series_ref.ts";

/** A period file under the name by which readers without us find it. */
export interface LakeFile {
  readonly seriesId: string;
  readonly exchange: string;
  readonly symbol: string;
  readonly interval: Interval;
  /** Its candles are made up. */
  readonly simulated: boolean;
  readonly period: string;
  readonly rows: number;
  readonly firstOpenTime: number | null;
  readonly lastOpenTime: number | null;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Decimals its columns hold. */
  readonly scale: { readonly price: number; readonly volume: number; readonly quote: number };
  /** Of the period's last event in the log. */
  readonly position: number;
}

/** `binance/BTC-USDT/1m/2020-03.parquet` */
export function lakePath(
  file: Pick<LakeFile, "exchange" | "symbol" | "interval" | "period">,
): string {
  return `${lakeFolder(file)}/${file.period}.parquet`;
}

/**
 * The lake's table of contents as JSON text, the same for the same files in the same order: files of
 * one series stand together, ascending.
 */
export function lakeManifest(files: readonly LakeFile[]): string {
  const series = [...Map.groupBy(files, ({ seriesId }) => seriesId).values()].map(seriesEntry);
  const position = files.reduce((last, file) => Math.max(last, file.position), 0);
  return `${JSON.stringify({ version: 1, position, series }, null, 1)}\n`;
}

function seriesEntry(files: readonly LakeFile[]) {
  const [first] = files;
  if (first === undefined) return {};
  const { seriesId: id, exchange, symbol, interval, simulated } = first;
  return {
    ...{ id, exchange, symbol, interval, simulated, path: lakeFolder(first) },
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    periods: files.map((file) => ({
      ...{ period: file.period, path: lakePath(file), rows: file.rows },
      ...{ first_open_time: file.firstOpenTime, last_open_time: file.lastOpenTime },
      ...{ sha256: file.sha256, bytes: file.sizeBytes, scale: file.scale, position: file.position },
    })),
  };
}
