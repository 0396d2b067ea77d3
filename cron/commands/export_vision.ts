import { crc32 } from "node:zlib";
import type { Interval } from "@/domain/klines/interval.ts";
import type { SeriesRef } from "@/domain/klines/series_ref.ts";
import {
  type VisionFile,
  visionFiles,
  type VisionMarket,
  visionPlace,
} from "@/domain/klines/vision_files.ts";
import { visionHeader, visionRows } from "@/domain/klines/vision_rows.ts";
import type { Installation } from "@/domain/ports/installation.ts";
import type { ZipContent, ZipFile, ZipFolder } from "@/domain/ports/zip_folder.ts";
import { type CandleWindow, createCandleWindow } from "./candle_window.ts";
import type { CommandContext } from "./command.ts";

export interface VisionExport {
  readonly installation: Installation;
  readonly series: SeriesRef;
  /** Interval of the candles that it is made of. */
  readonly stored: Interval;
  readonly range: readonly [from: number, to: number];
  readonly folder: ZipFolder;
}

interface Source {
  readonly window: CandleWindow;
  readonly folder: ZipFolder;
  readonly market: VisionMarket;
}

export interface VisionCounts {
  readonly daily: number;
  readonly monthly: number;
  /** Files that were there already, whole and with these candles. */
  readonly kept: number;
  /** Of the files that were written. */
  readonly rows: number;
  readonly sizeBytes: number;
}

const encoder = new TextEncoder();

/** Writes the days and months of the range as Binance publishes them; a rerun goes on where it stopped. */
export async function exportVision(
  job: VisionExport,
  context: CommandContext,
): Promise<VisionCounts> {
  const { installation, series, stored, range: [from, to], folder } = job;
  const files = visionFiles(series, { from, to, now: context.clock.now() });
  const { signal } = context;
  const end = files.reduce((last, file) => Math.max(last, file.to), from);
  const window = createCandleWindow({ installation, series, stored, end, signal });
  const source = { window, folder, market: visionPlace(series).market };
  const counts = { daily: 0, monthly: 0, kept: 0, rows: 0, sizeBytes: 0 };
  context.progress.start("export", { unit: "files", total: files.length });
  for (const file of files) {
    const held = await folder.inspect(file.path);
    if (held !== undefined && await isCurrent(source, file, held)) counts.kept++;
    else {
      const { rows, sizeBytes } = await writeFile(source, file);
      counts.rows += rows;
      counts.sizeBytes += sizeBytes;
      if (rows > 0) counts[file.cadence]++;
    }
    context.progress.advance(1);
  }
  context.progress.finish();
  return counts;
}

/** Whether the zip still holds what we hold: candles may have come or been revised since. */
async function isCurrent(source: Source, file: VisionFile, held: ZipContent): Promise<boolean> {
  let [sum, sizeBytes] = [0, 0];
  for await (const { text } of pieces(source, file)) {
    sum = crc32(text, sum);
    sizeBytes += text.length;
    if (sizeBytes > held.sizeBytes) return false;
  }
  return sum === held.crc32 && sizeBytes === held.sizeBytes;
}

/** No file for a time without candles. */
async function writeFile(
  source: Source,
  file: VisionFile,
): Promise<{ rows: number; sizeBytes: number }> {
  let zip: ZipFile | undefined;
  let total = 0;
  try {
    for await (const { text, rows } of pieces(source, file)) {
      zip ??= await source.folder.create(file.path);
      await zip.write(text);
      total += rows;
    }
    return { rows: total, sizeBytes: await zip?.finish() ?? 0 };
  } finally {
    await zip?.discard();
  }
}

interface Piece {
  readonly text: Uint8Array;
  readonly rows: number;
}

/** The text of a file, a page at a time; none without candles. */
async function* pieces(
  { window, market }: Source,
  { from, to }: VisionFile,
): AsyncGenerator<Piece> {
  let head = visionHeader(market);
  for await (const lines of window.lines(from, to)) {
    yield { text: encoder.encode(head + visionRows(lines, market)), rows: lines.length };
    head = "";
  }
}
