import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { CsvLayout } from "./csv_layout.ts";
import type { DecimalType } from "./numbers_sql.ts";

/** What a plain file holds, as found by reading all of it. */
export interface CsvScan {
  /** Decimals that each column of {@linkcode KLINE_COLUMNS} needs, trailing zeros left out. */
  readonly decimals: readonly number[];
  /** Every open time is greater than the one before. */
  readonly increasing: boolean;
  /** Epoch ms. */
  readonly firstOpenTime: number;
  readonly lastOpenTime: number;
}

/** A file whose beginning is plain. */
export interface StartedScan {
  /** Reads the rest; undefined when it is not plain. */
  finish(signal: AbortSignal): Promise<CsvScan | undefined>;
}

const [NEWLINE, POINT, ZERO, NINE] = [10, 46, 48, 57];

const CHUNK_BYTES = 1 << 18;

/** What a field of the file is to us; `other` columns are not read, so they may hold anything. */
interface Field {
  /** Place in {@linkcode KLINE_COLUMNS}; -1 for a column that is none of ours. */
  readonly column: number;
  readonly kind: "time" | "decimal" | "count" | "other";
  readonly optional: boolean;
}

/**
 * Reads a CSV file byte by byte; undefined unless every line is plain: unsigned digits with at most
 * one point, all fields there, times as integers of 9 to 17 digits, numbers that the type holds
 * exactly. Then the engine's own reader takes the same file exactly, without looking at its texts.
 */
export async function scanCsv(
  path: string,
  layout: CsvLayout,
  type: DecimalType,
): Promise<StartedScan | undefined> {
  if (!layout.plain || layout.delimiter.length !== 1) return undefined;
  const scanner = createScanner(layout, type);
  const chunk = new Uint8Array(CHUNK_BYTES);
  using start = await Deno.open(path);
  const read = await start.read(chunk) ?? 0;
  if (!scanner.take(chunk.subarray(0, read))) return undefined;
  return {
    async finish(signal) {
      using file = await Deno.open(path);
      await file.seek(read, Deno.SeekMode.Start);
      for (;;) {
        signal.throwIfAborted();
        const size = await file.read(chunk);
        if (size === null) return scanner.end();
        if (!scanner.take(chunk.subarray(0, size))) return undefined;
      }
    },
  };
}

interface Scanner {
  /** False when a byte is not plain: then there is nothing more to learn. */
  take(bytes: Uint8Array): boolean;
  end(): CsvScan | undefined;
}

/** One loop with its state in local variables: this reads a hundred megabytes a second. */
function createScanner(layout: CsvLayout, { width, scale }: DecimalType): Scanner {
  const fields = fieldsOf(layout);
  const delimiter = layout.delimiter.charCodeAt(0);
  const integers = width === 38 ? 18 : width - scale;
  const decimals = new Int32Array(KLINE_COLUMNS.length);
  const timeField = layout.places.open_time ?? -1;
  let skipping = layout.header;
  let [at, digits, point, significant] = [0, 0, -1, 0];
  let [time, previous, first] = [0, -1, -1];
  let increasing = true;

  /** Takes the field that ends; false when it is not plain. */
  function endField(): boolean {
    const field = fields[at];
    if (field === undefined) return false;
    const whole = point < 0 ? digits : point;
    switch (field.kind) {
      case "decimal": {
        const fraction = point < 0 ? 0 : digits - point;
        if (digits === 0 && point < 0) return field.optional;
        if (whole === 0 || whole > integers || fraction > scale) return false;
        if (point >= 0 && fraction === 0) return false;
        if (significant > (decimals[field.column] ?? 0)) decimals[field.column] = significant;
        return true;
      }
      case "time":
        if (digits === 0 && point < 0) return field.optional;
        return point < 0 && digits >= 9 && digits <= 17;
      case "count":
        return point < 0 && digits <= 15;
      case "other":
        return true;
    }
  }

  function endLine(): boolean {
    if (at !== fields.length - 1) return false;
    const ms = epochMs(time);
    if (ms <= previous) increasing = false;
    if (first < 0) first = ms;
    previous = ms;
    time = 0;
    return true;
  }

  return {
    take(bytes) {
      for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i] ?? 0;
        if (byte >= ZERO && byte <= NINE) {
          if (skipping) continue;
          digits++;
          if (point >= 0) {
            if (byte !== ZERO) significant = digits - point;
          } else if (at === timeField) time = time * 10 + (byte - ZERO);
        } else if (byte === delimiter || byte === NEWLINE) {
          if (skipping) {
            skipping = byte !== NEWLINE;
            continue;
          }
          if (!endField()) return false;
          digits = 0;
          point = -1;
          significant = 0;
          if (byte === delimiter) at++;
          else {
            if (!endLine()) return false;
            at = 0;
          }
        } else if (!skipping) {
          if (byte !== POINT || point >= 0) return false;
          point = digits;
        }
      }
      return true;
    },
    end() {
      const cut = at > 0 || digits > 0;
      if (cut && !(endField() && endLine())) return undefined;
      if (first < 0) return undefined;
      return {
        ...{ decimals: [...decimals], increasing },
        ...{ firstOpenTime: first, lastOpenTime: previous },
      };
    },
  };
}

/** The unit is told by the magnitude, as in times_sql.ts. */
function epochMs(time: number): number {
  if (time > 100_000_000_000_000) return Math.floor(time / 1000);
  return time > 100_000_000_000 ? time : time * 1000;
}

function fieldsOf({ fields, places }: CsvLayout): Field[] {
  return Array.from({ length: fields }, (_, at): Field => {
    const column = KLINE_COLUMNS.findIndex((name) => places[name] === at);
    const name = KLINE_COLUMNS[column];
    if (name === undefined) return { column, kind: "other", optional: true };
    const kind = name.endsWith("_time") ? "time" : name === "trades_count" ? "count" : "decimal";
    return { column, kind, optional: column > 5 };
  });
}
