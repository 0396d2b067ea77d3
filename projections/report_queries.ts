import type { MarketReportRow } from "@/events/catalog/market_report.ts";

/** One report of a market page as it was crawled last. */
export interface ReportView extends Omit<MarketReportRow, "kind"> {
  readonly source: string;
  readonly kind: MarketReportRow["kind"];
  /** Epoch ms. */
  readonly capturedAt: number;
}

export interface ReportFilter {
  readonly source?: string | undefined;
  readonly kind?: string | undefined;
  readonly exchange?: string | undefined;
  readonly product?: string | undefined;
  readonly contract?: string | undefined;
  /** One report date, `2026-09-08`, or a range of them, both inclusive. */
  readonly date?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** From 1. */
  readonly page: number;
  readonly size: number;
}

export interface ReportQueries {
  /** The newest report date first, then by source, kind, product and contract. */
  findReports(
    filter: ReportFilter,
  ): Promise<{ readonly reports: readonly ReportView[]; readonly total: number }>;
  /** How far the reports of a source reach; nothing where there are none. */
  heldOf(source: string): Promise<{
    /** Date of the newest. */
    readonly newest?: string | undefined;
    /** When the one was captured that was captured first, epoch ms. */
    readonly since?: number | undefined;
  }>;
  /** Whether any report of a source has a value of that name. */
  hasValue(source: string, field: string): Promise<boolean>;
  /** The reports of a source on some dates, as they were crawled last. */
  heldOn(source: string, dates: readonly string[]): Promise<readonly MarketReportRow[]>;
  /** Contract → date of its newest daily report. */
  newestDailies(source: string): Promise<ReadonlyMap<string, string>>;
}
