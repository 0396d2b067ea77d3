import { divides, type Interval, intervalMs, isInterval } from "@/domain/klines/interval.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { Scale } from "@/domain/ports/lake.ts";
import { decodeBars, encodeBars } from "./bar_code.ts";
import type { Session } from "./engine.ts";
import { isTooLarge } from "./engine_error.ts";
import type { RawColumns } from "./raw_columns.ts";
import { aggregateSql } from "./read_sql.ts";

/** Under this name their text lies in the file's metadata; another way to write them has another name. */
export const BARS_KEY = "bars_v1";

/** Few enough that they cost a fortieth of the file, and what larger bars are made of. */
const INTERVALS = ["1m", "1h", "1d"] as const;
const CANDLES_A_BAR = 48;
/** Where many are missing, bars cost more than they save. */
const MIN_CANDLES_A_BAR = 20;

function barsOf(stored: Interval): typeof INTERVALS[number] | undefined {
  return INTERVALS.find((one) =>
    divides(stored, one) && intervalMs(one) >= CANDLES_A_BAR * intervalMs(stored)
  );
}

/** The interval that a file declares its bars to have. */
export function barsInterval(declared: string | undefined): Interval | undefined {
  return declared !== undefined && isInterval(declared) ? declared : undefined;
}

interface Candles {
  /** A select of the candles as typed in the file. */
  readonly sql: string;
  readonly interval: Interval;
  readonly scale: Scale;
  readonly hasDetail: boolean;
  readonly rows: number;
}

/** More metadata of a file of candles: the bars that they make, made by what makes them when it is read. */
export async function barsMetadata(
  session: Session,
  { interval, rows, ...source }: Candles,
): Promise<string> {
  const bars = barsOf(interval);
  if (bars === undefined) return "";
  const sql = aggregateSql(source, { interval: bars, partial: true, completeTo: 0 });
  // An empty column takes as long to come out of the engine as any.
  const names = KLINE_COLUMNS.slice(0, source.hasDetail ? undefined : 6);
  const columns = await session.raw(`select ${names.join(", ")} from (${sql}) order by open_time`)
    .catch((error: unknown) => {
      // A sum beyond the engine's numbers: the candles themselves can be kept, and are.
      if (isTooLarge(error)) return undefined;
      throw error;
    });
  if (columns === undefined || columns.count * MIN_CANDLES_A_BAR > rows) return "";
  const text = encodeBars(columns, intervalMs(bars));
  return text === undefined ? "" : `, bars: '${bars}', ${BARS_KEY}: '${text}'`;
}

/** Bars that lie in a file, at its scale; undefined where there are none that can be read. */
export async function readFileBars(path: string, bars: Interval): Promise<RawColumns | undefined> {
  try {
    const text = valueOf(await footerOf(path), BARS_KEY);
    return text === undefined ? undefined : decodeBars(text, intervalMs(bars));
  } catch (error) {
    // The candles themselves are still there to be read.
    if (error instanceof RangeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** More than most footers take. */
const TAIL_BYTES = 32 * 1024;
/** Its length and `PAR1`. */
const END_BYTES = 8;

/** The metadata at the end of a Parquet file, as it lies there. */
async function footerOf(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const tail = await lastBytes(file, { size, bytes: TAIL_BYTES });
  const end = new DataView(tail.buffer, tail.byteLength - END_BYTES);
  const bytes = end.getUint32(0, true) + END_BYTES;
  return bytes <= tail.length
    ? tail.subarray(tail.length - bytes)
    : await lastBytes(file, { size, bytes });
}

async function lastBytes(
  file: Deno.FsFile,
  { size, bytes }: { size: number; bytes: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const found = new Uint8Array(Math.min(size, bytes));
  await file.seek(size - found.length, Deno.SeekMode.Start);
  for (let at = 0; at < found.length;) {
    const read = await file.read(found.subarray(at));
    if (read === null) throw new RangeError("Cannot read the end of the file: it ends before");
    at += read;
  }
  return found;
}

/** Start of a text behind its key in Thrift's compact protocol: field 2, a binary. */
const TEXT = 0x18;

/** Text of a key in the metadata; no column and no other text of ours holds such a key. */
function valueOf(footer: Uint8Array, key: string): string | undefined {
  const at = indexOf(footer, new TextEncoder().encode(key));
  if (at === -1 || footer[at + key.length] !== TEXT) return undefined;
  let [next, length, factor] = [at + key.length + 1, 0, 1];
  for (let more = true; more; next++, factor *= 128) {
    const byte = footer[next] ?? 0;
    length += (byte & 127) * factor;
    more = byte > 127;
  }
  return new TextDecoder().decode(footer.subarray(next, next + length));
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (
    let at = bytes.indexOf(wanted[0] ?? 0);
    at !== -1;
    at = bytes.indexOf(wanted[0] ?? 0, at + 1)
  ) {
    if (wanted.every((byte, n) => bytes[at + n] === byte)) return at;
  }
  return -1;
}
