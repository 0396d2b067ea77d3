import { desc, eq } from "drizzle-orm";
import { bigint, index, integer, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import type { ArchiveEvent, ArchiveProblem } from "@/events/catalog/archive.ts";
import type { Db } from "./db.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 1;
const count = (name: string) => bigint(name, { mode: "number" }).notNull();
const time = (name: string) => timestamp(name, { withTimezone: true });
export const archiveRunsTable = pgTable(`archive_runs_v${VERSION}`, {
  runId: text("run_id").primaryKey(),
  status: text("status").$type<"running" | "succeeded" | "failed" | "stopped">().notNull(),
  actor: text("actor").notNull(),
  startedAt: time("started_at").notNull(),
  /** Of its last event: a run that was killed stays `running` and says nothing more. */
  heardAt: time("heard_at").notNull(),
  periodsToFile: integer("periods_to_file").notNull(),
  rowsToFile: count("rows_to_file"),
  rowsToDrop: count("rows_to_drop"),
  periodsFiled: integer("periods_filed").notNull(),
  rowsFiled: count("rows_filed"),
  bytesBefore: count("bytes_before"),
  bytesAfter: count("bytes_after"),
  rowsDropped: count("rows_dropped"),
  bytesCompacted: count("bytes_compacted"),
  blobsDeleted: integer("blobs_deleted").notNull(),
  bytesFreed: count("bytes_freed"),
  problems: jsonb("problems").$type<readonly ArchiveProblem[]>().notNull(),
  problemsTotal: integer("problems_total").notNull(),
}, (table) => [index(`archive_runs_v${VERSION}_started`).on(table.startedAt)]);
export type ArchiveRunRow = typeof archiveRunsTable.$inferSelect;

/** One row a run of the archive: what it wanted and how far it got. */
export const archiveRuns: RowProjection<ArchiveEvent, ArchiveRunRow> = {
  kind: "rows",
  name: "archive_runs",
  version: VERSION,
  table: archiveRunsTable,
  oneStream: true,
  keys: ({ data }) => [data.runId],
  on: {
    ArchiveRunStarted: (_, { data, meta, at }) => ({
      ...data,
      ...{ status: "running", actor: meta.actor, startedAt: at, heardAt: at },
      ...{ periodsFiled: 0, rowsFiled: 0, bytesBefore: 0, bytesAfter: 0, rowsDropped: 0 },
      ...{ bytesCompacted: 0, blobsDeleted: 0, bytesFreed: 0 },
      ...{ problems: [], problemsTotal: 0 },
    }),
    ArchiveRunProgressed: (row, { data, at }) => row && { ...row, ...data, heardAt: at },
    ArchiveRunFinished: (row, { data, at }) => row && { ...row, ...data, heardAt: at },
  },
};

/** The newest first. */
export async function listArchiveRuns(db: Db, limit: number): Promise<ArchiveRunRow[]> {
  return await db.select().from(archiveRunsTable).orderBy(desc(archiveRunsTable.startedAt))
    .limit(limit);
}

export async function findArchiveRun(db: Db, runId: string): Promise<ArchiveRunRow | undefined> {
  const [row] = await db.select().from(archiveRunsTable).where(eq(archiveRunsTable.runId, runId));
  return row;
}
