/** What became of the rows of an import. */
export interface ImportCounts {
  readonly ingested: number;
  readonly revised: number;
  readonly unchanged: number;
  readonly heldBetter: number;
  readonly rejectedTotal: number;
  /** The first 100. */
  readonly rejected: readonly RejectedRow[];
}

export interface RejectedRow {
  /** Counts from 1 over all files. */
  readonly row: number;
  readonly reason: string;
  /** As it stood in the file, fields separated by commas; undefined where nobody can tell. */
  readonly values?: string | undefined;
}

export const NOTHING_IMPORTED: ImportCounts = {
  ingested: 0,
  revised: 0,
  unchanged: 0,
  heldBetter: 0,
  rejectedTotal: 0,
  rejected: [],
};

const MOST_REJECTED_SHOWN = 100;

/** Counts of one batch after another; the rows of the second count on from the first. */
export function addImportCounts(first: ImportCounts, second: ImportCounts): ImportCounts {
  const rowsBefore = countRows(first);
  const moved = second.rejected.map((one) => ({ ...one, row: one.row + rowsBefore }));
  return {
    ingested: first.ingested + second.ingested,
    revised: first.revised + second.revised,
    unchanged: first.unchanged + second.unchanged,
    heldBetter: first.heldBetter + second.heldBetter,
    rejectedTotal: first.rejectedTotal + second.rejectedTotal,
    rejected: [...first.rejected, ...moved].slice(0, MOST_REJECTED_SHOWN),
  };
}

/** Rows that were read, whatever became of them. */
function countRows(counts: ImportCounts): number {
  return takenIn(counts) + counts.rejectedTotal;
}

/** Rows that are candles, new or not. */
export function takenIn({ ingested, revised, unchanged, heldBetter }: ImportCounts): number {
  return ingested + revised + unchanged + heldBetter;
}
