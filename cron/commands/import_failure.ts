import type { ImportCounts, RejectedRow } from "@/domain/klines/import_counts.ts";
import { formatSeries } from "@/domain/klines/series_ref.ts";
import type { ImportRequest } from "@/domain/ports/installation.ts";
import type { ImportFile } from "@/domain/ports/local_files.ts";
import { CommandFailure, EXIT, explain } from "./explain.ts";
import { count } from "./sentences.ts";

/** Where an import stood when it failed. */
export interface StoppedImport extends Pick<ImportRequest, "series" | "files"> {
  /** The file that was worked on, or those that were worked on together. */
  readonly current: readonly ImportFile[];
  /** Candles that are new and kept; undefined where nobody can tell. */
  readonly added: number | undefined;
  readonly signal: AbortSignal;
}

/** The failure with the file's name and what is kept; bugs and a stop stay what they are. */
export function importFailure(error: unknown, stopped: StoppedImport): unknown {
  const { series, files, current, added, signal } = stopped;
  const { message, exit, code } = explain(error, signal);
  if (exit === EXIT.bug || exit === EXIT.interrupted) return error;
  const why = message.replace(/^Cannot /, "cannot ");
  const again = exit === EXIT.usage || /run .*again/i.test(why) ? "" : " Run it again to go on.";
  const told = `Cannot import ${place(current, files)}: ${why}${tellAdded(added)}${again}`;
  return new CommandFailure({ message: told, exit, code }, {
    series: formatSeries(series),
    failed: current.map(({ name }) => name),
    added,
  });
}

/** The failure of an import that could not use a single row. */
export function allRejected(
  counts: ImportCounts,
  facts: Readonly<Record<string, unknown>>,
): CommandFailure {
  const [first] = counts.rejected;
  const which = first === undefined ? "" : `, first ${tellRejected(first)}`;
  const rows = count(counts.rejectedTotal, "row");
  const message = `Cannot take in any candle: ${rows} rejected${which}.`;
  return new CommandFailure({ message, exit: EXIT.failed, code: "VALIDATION_ERROR" }, facts);
}

const SHOWN_CHARACTERS = 200;

/** `row 5, bad_time: nonsense,1,2,0.5,1,1`. */
export function tellRejected({ row, reason, values }: RejectedRow): string {
  const text = values?.replaceAll(/[\p{Cc}]+/gu, " ").slice(0, SHOWN_CHARACTERS);
  return `row ${row}, ${reason}${text === undefined ? "" : `: ${text}`}`;
}

function place(current: readonly ImportFile[], files: readonly ImportFile[]): string {
  const [first, last] = [current.at(0), current.at(-1)];
  if (first === undefined || last === undefined) return count(files.length, "file");
  if (current.length > 1) return `${current.length} files, ${first.name} to ${last.name}`;
  const at = files.indexOf(first) + 1;
  return files.length === 1 ? first.name : `${first.name}, file ${at} of ${files.length}`;
}

function tellAdded(added: number | undefined): string {
  if (added === undefined) return "";
  return added === 0 ? " No candle was added." : ` ${count(added, "candle")} added until then.`;
}
