import { and, asc, count, desc, eq, gte, inArray, lte, max, min, type SQL, sql } from "drizzle-orm";
import type { Db } from "./db.ts";
import { marketReportsTable as reports } from "./market_reports.ts";
import type { ReportFilter, ReportQueries } from "./report_queries.ts";

const VIEW = {
  source: reports.source,
  kind: reports.kind,
  exchange: reports.exchange,
  product: reports.product,
  contract: sql<string | null>`nullif(${reports.contract}, '')`,
  reportDate: reports.reportDate,
  values: reports.values,
  capturedAt: reports.capturedAt,
} as const;

/** Finds reports of market pages. */
export function createReportQueries(db: Db): ReportQueries {
  return {
    async findReports(filter) {
      const { page, size } = filter;
      const where = conditionOf(filter);
      const { source, kind, product, contract } = reports;
      const [found, [counted]] = await Promise.all([
        db.select(VIEW).from(reports).where(where)
          .orderBy(
            ...[desc(reports.reportDate), asc(source), asc(kind), asc(product), asc(contract)],
          )
          .limit(size).offset((page - 1) * size),
        db.select({ total: count() }).from(reports).where(where),
      ]);
      return { reports: found, total: counted?.total ?? 0 };
    },
    async heldOf(source) {
      const { reportDate, capturedAt } = reports;
      const [held] = await db.select({ newest: max(reportDate), since: min(capturedAt) })
        .from(reports).where(sql`${reports.source} = ${source}`);
      return { newest: held?.newest ?? undefined, since: held?.since ?? undefined };
    },
    async hasValue(source, field) {
      const [held] = await db.select({ source: reports.source }).from(reports)
        .where(sql`${reports.source} = ${source} and jsonb_exists(${reports.values}, ${field})`)
        .limit(1);
      return held !== undefined;
    },
    async heldOn(source, dates) {
      const { source: _, capturedAt: _at, ...row } = VIEW;
      return await db.select(row).from(reports)
        .where(and(sql`${reports.source} = ${source}`, inArray(reports.reportDate, [...dates])));
    },
    async newestDailies(source) {
      const { contract, reportDate, kind } = reports;
      const held = await db.select({ contract, newest: max(reportDate) }).from(reports)
        .where(and(sql`${reports.source} = ${source}`, eq(kind, "daily"))).groupBy(contract);
      return new Map(held.map(({ contract, newest }) => [contract, newest ?? ""]));
    },
  };
}

function conditionOf({ date, from, to, ...filter }: ReportFilter): SQL | undefined {
  const equal = (["source", "kind", "exchange", "product", "contract"] as const).map((name) => {
    const wanted = filter[name];
    return wanted === undefined ? undefined : sql`${reports[name]} = ${wanted}`;
  });
  return and(
    ...equal,
    date === undefined ? undefined : eq(reports.reportDate, date),
    from === undefined ? undefined : gte(reports.reportDate, from),
    to === undefined ? undefined : lte(reports.reportDate, to),
  );
}
