import { isDeepStrictEqual } from "node:util";
import type { MarketReportRow } from "@/events/catalog/market_report.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { Projections } from "@/projections/define.ts";
import type { ReportQueries } from "@/projections/report_queries.ts";

export interface ChangedRowsDeps {
  readonly store: Pick<EventStore, "head">;
  readonly projections: Pick<Projections, "waitFor">;
  readonly reports: Pick<ReportQueries, "heldOn">;
}

const SEEN_MS = 10_000;

/** The rows that are not held in the same words; all of them while it is not known what is held. */
export async function changedRows(
  { store, projections, reports }: ChangedRowsDeps,
  source: string,
  rows: readonly MarketReportRow[],
): Promise<readonly MarketReportRow[]> {
  if (!await projections.waitFor(await store.head(), SEEN_MS, ["market_reports"])) return rows;
  const dates = [...new Set(rows.map(({ reportDate }) => reportDate))];
  const held = new Map((await reports.heldOn(source, dates)).map((row) => [identityOf(row), row]));
  return rows.filter((row) => !isDeepStrictEqual(row, held.get(identityOf(row))));
}

function identityOf({ kind, product, contract, reportDate }: MarketReportRow): string {
  return JSON.stringify([kind, product, contract, reportDate]);
}
