import type { IngestOutcome } from "@/domain/ports/kline_ingest.ts";

/** What a crawl did, in candles and slots. */
export interface CrawlCounts {
  readonly ingested: number;
  readonly revised: number;
  readonly unchanged: number;
  readonly heldBetter: number;
  readonly rejected: number;
  /** Slots where the exchange has nothing. */
  readonly absent: number;
  /** Those of them that are known to be empty for good now. */
  readonly verifiedEmpty: number;
  /** 1 when the newest slot has closed a moment ago and the exchange does not have it yet. */
  readonly late: number;
}

export const NOTHING_CRAWLED: CrawlCounts = {
  ingested: 0,
  revised: 0,
  unchanged: 0,
  heldBetter: 0,
  rejected: 0,
  absent: 0,
  verifiedEmpty: 0,
  late: 0,
};

export function addCrawlCounts(a: CrawlCounts, b: CrawlCounts): CrawlCounts {
  return {
    ingested: a.ingested + b.ingested,
    revised: a.revised + b.revised,
    unchanged: a.unchanged + b.unchanged,
    heldBetter: a.heldBetter + b.heldBetter,
    rejected: a.rejected + b.rejected,
    absent: a.absent + b.absent,
    verifiedEmpty: a.verifiedEmpty + b.verifiedEmpty,
    late: a.late + b.late,
  };
}

export function countsOf(outcome: IngestOutcome): CrawlCounts {
  const { ingested, revised, unchanged, heldBetter, rejectedTotal } = outcome;
  return {
    ...NOTHING_CRAWLED,
    ...{ ingested, revised, unchanged, heldBetter },
    rejected: rejectedTotal,
  };
}

/** Whether the venue was asked for anything: a crawl that finds nothing missing asks for nothing. */
export function hasAnswered(counts: CrawlCounts): boolean {
  const { ingested, revised, unchanged, heldBetter, rejected, absent, late } = counts;
  return ingested + revised + unchanged + heldBetter + rejected + absent + late > 0;
}

/** Candles that were stored: new ones and changed ones. */
export function rowsOf({ ingested, revised }: CrawlCounts): number {
  return ingested + revised;
}
