import { bigint, index, jsonb, pgTable, primaryKey } from "drizzle-orm/pg-core";
import type { MarketReportEvent, MarketReportRow } from "@/events/catalog/market_report.ts";
import type { Recorded } from "@/events/define.ts";
import type { SqlScalar } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { byteText } from "./byte_text.ts";
import type { BulkContext, BulkProjection } from "./define.ts";

const VERSION = 1;
const NAME = `market_reports_v${VERSION}`;
export const marketReportsTable = pgTable(NAME, {
  source: byteText("source").notNull(),
  kind: byteText("kind").$type<MarketReportRow["kind"]>().notNull(),
  product: byteText("product").notNull(),
  /** Empty where the report is of no contract. */
  contract: byteText("contract").notNull(),
  /** `2026-09-08`; text, because SQL's dates lack some that events may hold. */
  reportDate: byteText("report_date").notNull(),
  exchange: byteText("exchange"),
  values: jsonb("values").$type<MarketReportRow["values"]>().notNull(),
  capturedAt: bigint("captured_at", { mode: "number" }).notNull(),
  /** Position of the event that brought it. */
  pos: bigint("pos", { mode: "number" }).notNull(),
}, ({ source, kind, product, contract, reportDate }) => [
  primaryKey({ columns: [source, kind, product, contract, reportDate] }),
  index(`${NAME}_date`).on(reportDate),
  index(`${NAME}_product`).on(product, reportDate),
  index(`${NAME}_source`).on(source, kind, reportDate),
]);

/** Columns of the identity first, with their SQL types. */
const COLUMNS = [
  ["source", "text"],
  ["kind", "text"],
  ["product", "text"],
  ["contract", "text"],
  ["report_date", "text"],
  ["exchange", "text"],
  ["values", "jsonb"],
  ["captured_at", "bigint"],
  ["pos", "bigint"],
] as const;
const IDENTITY = 5;
const CAPTURED = 7;

/** One statement of more would keep others from PGlite's only connection for too long. */
const CHUNK_ROWS = { pglite: 500, postgres: 5_000 } as const;

/**
 * One row a report: the one that was captured last, of those captured at once the later one in the
 * log. In bulk, because it needs no row that was before and an event brings up to 500 of them.
 */
export const marketReports: BulkProjection = {
  kind: "bulk",
  name: "market_reports",
  version: VERSION,
  table: marketReportsTable,
  types: ["MarketReportCrawled"],
  weight: (event) => trusted<Recorded<MarketReportEvent>>(event).data.rows.length,
  async apply(events, context) {
    // The newest of one identity wins here: one statement must not touch a row twice.
    const newest = new Map<string, Row>();
    for (const { data, position } of trusted<readonly Recorded<MarketReportEvent>[]>(events)) {
      for (const report of data.rows) {
        const row = [...columnsOf(data.source, report), data.capturedAt, position];
        const key = JSON.stringify(row.slice(0, IDENTITY));
        const other = newest.get(key)?.[CAPTURED];
        if (other === undefined || Number(other) <= data.capturedAt) newest.set(key, row);
      }
    }
    const rows = [...newest.values()];
    const size = CHUNK_ROWS[context.engine];
    for (let start = 0; start < rows.length; start += size) {
      await upsert(context, rows.slice(start, start + size));
    }
  },
};

type Row = readonly SqlScalar[];

function columnsOf(source: string, report: MarketReportRow): SqlScalar[] {
  const { kind, product, contract, reportDate, exchange, values } = report;
  return [source, kind, product, contract ?? "", reportDate, exchange, JSON.stringify(values)];
}

async function upsert({ table, guard, run }: BulkContext, rows: readonly Row[]): Promise<void> {
  const names = COLUMNS.map(([name]) => `"${name}"`);
  const arrays = COLUMNS.map(([, type], at) => `$${at + 1}::${type}[]`);
  const set = names.slice(IDENTITY).map((name) => `${name} = excluded.${name}`);
  await run({
    sql: `insert into ${table} as held (${names.join(", ")})
      select r.* from unnest(${arrays.join(", ")}) r where ${guard(COLUMNS.length)}
      on conflict (${names.slice(0, IDENTITY).join(", ")}) do update set ${set.join(", ")}
      where (held.captured_at, held.pos) < (excluded.captured_at, excluded.pos)`,
    params: COLUMNS.map((_, at) => rows.map((row) => row[at] ?? null)),
  });
}
