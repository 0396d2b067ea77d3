import {
  addImportCounts,
  type ImportCounts,
  NOTHING_IMPORTED,
  takenIn,
} from "@/domain/klines/import_counts.ts";
import { formatSeries } from "@/domain/klines/series_ref.ts";
import { refuseOtherVision } from "@/domain/klines/vision_files.ts";
import type { ImportRequest, ImportWork, Installation, Work } from "@/domain/ports/installation.ts";
import type { ImportFile } from "@/domain/ports/local_files.ts";
import { type CommandSpec, requireSeries } from "./arguments.ts";
import type { Command } from "./command.ts";
import { EXIT, explain } from "./explain.ts";
import { allRejected, importFailure, tellRejected } from "./import_failure.ts";
import { count, listCounts } from "./sentences.ts";

const spec: CommandSpec = {
  name: "import",
  summary:
    "take in candle files, or folders of them: csv, csv.gz, zip, parquet, freqtrade json and json.gz",
  positionals: [{ name: "series", required: true }, { name: "file", required: true, many: true }],
  options: { overwrite: { help: "revise candles that came from the exchange, too" } },
};

/** The command `import`. A second run finds every row unchanged, so a stopped one is just repeated. */
export const importKlines: Command = {
  spec,
  async run(args, context) {
    const ref = requireSeries(args);
    const startedAt = context.clock.now();
    const opened = await context.files.openImports(args.all("file"), context.signal);
    try {
      for (const { name } of opened.files) refuseOtherVision(ref, name);
      const installation = await context.open({ create: true, readable: opened.directories });
      const { series } = await installation.addSeries(ref);
      const { files } = opened;
      const request = { series, files, overwrite: args.given("overwrite") };
      const counts = await importBatches(installation, request, context);
      const facts = {
        series: formatSeries(series),
        files: files.length,
        ...counts,
        elapsedMs: Math.round(context.clock.now() - startedAt),
        stallP99Ms: context.stallP99Ms(),
      };
      if (takenIn(counts) === 0 && counts.rejectedTotal > 0) throw allRejected(counts, facts);
      return { lines: describe(formatSeries(series), files.length, counts), facts };
    } finally {
      await opened.close();
    }
  },
};

/** Batch after batch; of a batch with an unreadable file, file after file up to that one. */
async function importBatches(
  installation: Installation,
  request: ImportRequest,
  { signal, progress }: Work,
): Promise<ImportCounts> {
  let counts = NOTHING_IMPORTED;
  let added: number | undefined = 0;
  let current: readonly ImportFile[] = [];
  const work: ImportWork = {
    ...{ signal, progress },
    reached: (file) => current = [file],
    added(candles) {
      added = added === undefined || candles === undefined ? undefined : added + candles;
    },
  };
  const waiting: (readonly ImportFile[])[] = batches(request.files);
  try {
    for (let files = waiting.shift(); files !== undefined; files = waiting.shift()) {
      current = files;
      try {
        counts = addImportCounts(
          counts,
          await installation.importFiles({ ...request, files }, work),
        );
      } catch (error) {
        if (current.length === 1 || explain(error, signal).exit !== EXIT.usage) throw error;
        waiting.unshift(...files.map((file) => [file]));
      }
    }
  } catch (error) {
    throw importFailure(error, { ...request, current, added, signal });
  }
  return counts;
}

/** How much larger candles get unpacked, as text. */
const COMPRESSION = 6;

/** Unpacked bytes staged at once: few batches for whole histories, bounded for anything larger. */
export const BATCH_BYTES = 256_000_000;

/** Neighbours go in one batch while they are small together; the order stays. */
export function batches(files: readonly ImportFile[]): ImportFile[][] {
  const all: ImportFile[][] = [];
  let room = 0;
  for (const file of files) {
    const weight = file.sizeBytes * (file.gzip || file.format === "parquet" ? COMPRESSION : 1);
    const current = all.at(-1);
    if (current === undefined || weight > room) {
      all.push([file]);
      room = BATCH_BYTES - weight;
    } else {
      current.push(file);
      room -= weight;
    }
  }
  return all;
}

function describe(series: string, files: number, counts: ImportCounts): string[] {
  const { ingested, revised, unchanged, heldBetter, rejectedTotal, rejected } = counts;
  const told = listCounts([
    [ingested, "new"],
    [revised, "revised"],
    [unchanged, "unchanged"],
    [heldBetter, "kept from a better source"],
    [rejectedTotal, "rejected"],
  ]);
  const first = rejected[0];
  return [
    `Imported ${count(files, "file")} into ${series}: ${told}.`,
    ...(first === undefined ? [] : [`First rejected: ${tellRejected(first)}.`]),
  ];
}
