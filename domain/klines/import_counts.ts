/** What became of the rows of an import. */
export interface ImportCounts {
  readonly ingested: number;
  readonly revised: number;
  readonly unchanged: number;
  readonly heldBetter: number;
  readonly rejectedTotal: number;
  /** The first 100; `row` counts from 1 over all files. */
  readonly rejected: readonly { readonly row: number; readonly reason: string }[];
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
  const rowsBefore = first.ingested + first.revised + first.unchanged + first.heldBetter +
    first.rejectedTotal;
  const moved = second.rejected.map(({ row, reason }) => ({ row: row + rowsBefore, reason }));
  return {
    ingested: first.ingested + second.ingested,
    revised: first.revised + second.revised,
    unchanged: first.unchanged + second.unchanged,
    heldBetter: first.heldBetter + second.heldBetter,
    rejectedTotal: first.rejectedTotal + second.rejectedTotal,
    rejected: [...first.rejected, ...moved].slice(0, MOST_REJECTED_SHOWN),
  };
}
