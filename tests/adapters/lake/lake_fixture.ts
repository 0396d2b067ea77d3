import { openDuckdbLake } from "@/adapters/lake/duckdb.ts";
import { type Candle, type Source, SOURCE_RANK, toRow } from "@/domain/klines/candle.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { FileFormat, HotRows, Lake, StagedBatch, StageInput } from "@/domain/ports/lake.ts";

export const NOW = Date.UTC(2024, 5, 1);

export interface LakeFixture {
  readonly lake: Lake;
  readonly directory: string;
  /** A new path in the directory. */
  path(extension: string): string;
  /** Writes a file and says how to stage it. */
  file(content: string | Uint8Array, format?: FileFormat, gzip?: boolean): Promise<
    StageInput["files"][number]
  >;
  stage(files: StageInput["files"], interval?: Interval): Promise<StagedBatch>;
}

/** Runs a test on a lake of its own. */
export async function withLake(
  body: (fixture: LakeFixture) => Promise<void>,
  { allowedDirectories = [] }: { allowedDirectories?: readonly string[] } = {},
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "lake 'test' [1] " });
  const tempDir = `${directory}/temp`;
  const lake = await openDuckdbLake({
    tempDir,
    allowedDirectories: [directory, ...allowedDirectories],
  });
  let files = 0;
  const path = (extension: string) => `${directory}/${++files}.${extension}`;
  try {
    await body({
      lake,
      directory,
      path,
      async file(content, format = "csv", gzip = false) {
        const to = path(format);
        const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
        await Deno.writeFile(to, gzip ? await gzipped(bytes) : bytes);
        return { path: to, format, gzip };
      },
      stage: (staged, interval = "1m") => lake.stage({ files: staged, interval, now: NOW }),
    });
  } finally {
    await lake.close();
    await Deno.remove(directory, { recursive: true });
  }
}

export async function gzipped(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}

export function csvOf(candles: readonly Candle[]): string {
  const lines = candles.map((candle) => toRow(candle).map((value) => value ?? "").join(","));
  return [KLINE_COLUMNS.join(","), ...lines, ""].join("\n");
}

export function hotRowsOf(candles: readonly (Candle & { source: Source })[]): HotRows {
  return candles.map((candle) =>
    [...toRow(candle).map((value) => value ?? ""), SOURCE_RANK[candle.source]].join(",") + "\n"
  ).join("");
}

/** A minute of the first of May 2024. */
export function minute(n: number): number {
  return Date.UTC(2024, 4, 1) + n * 60_000;
}

/** Everything that was accepted, as candles: what the batch says of its periods, compared with nothing. */
export async function accepted(batch: StagedBatch): Promise<Candle[]> {
  const all: Candle[] = [];
  for (const { period } of batch.periods) {
    await batch.compare(period, {}, { source: "api", overwrite: false });
    all.push(...await batch.delta(period));
  }
  return all;
}
