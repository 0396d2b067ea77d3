import { and, asc, gt, isNotNull, isNull } from "drizzle-orm";
import { bigint, index, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import type { BlobRef } from "@/events/blobs/blobs.ts";
import type { BlobEvent } from "@/events/catalog/blobs.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import type { KlineEvent, KlineRejectionEvent } from "@/events/catalog/klines.ts";
import type { MarketReportEvent } from "@/events/catalog/market_report.ts";
import type { Recorded } from "@/events/define.ts";
import type { Db } from "./db.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 1;
const time = (name: string) => timestamp(name, { withTimezone: true });
export const blobUsesTable = pgTable(`blob_uses_v${VERSION}`, {
  sha256: text("sha256").primaryKey(),
  sizeBytes: bigint("size_bytes", { mode: "number" }).notNull(),
  /** Streams that need it, each once. */
  users: jsonb("users").$type<readonly string[]>().notNull(),
  /** When the last of them let it go; null while one needs it. */
  releasedAt: time("released_at"),
  /** When it was said that it goes; null again once somebody needs it anew. */
  deletedAt: time("deleted_at"),
}, (table) => [index(`blob_uses_v${VERSION}_released`).on(table.releasedAt)]);
export type BlobUsesRow = typeof blobUsesTable.$inferSelect;

export type BlobUsingEvent =
  | KlineEvent
  | KlineRejectionEvent
  | BlobEvent
  | Extract<CrawlerRunEvent, { data: { response: BlobRef | null } }>
  | MarketReportEvent;

/**
 * One row a blob: who needs it. Equal candles are one blob, whoever has them, so none may go before all
 * have let go of it. Every event type that names a blob has its handler here (a test holds this).
 */
export const blobUses: RowProjection<BlobUsingEvent, BlobUsesRow> = {
  kind: "rows",
  name: "blob_uses",
  version: VERSION,
  table: blobUsesTable,
  keys: (event) => changesOf(event).map(({ sha256 }) => sha256),
  on: {
    KlinesRecorded: changed,
    KlinesArchived: changed,
    KlinesDeleted: changed,
    KlineBatchesCompacted: changed,
    KlinesRejected: changed,
    BlobsDeleted: changed,
    CrawlerAttempted: changed,
    CrawlerFailed: changed,
    CrawlerTimedOut: changed,
    MarketReportCrawled: changed,
  },
};

interface Change extends BlobRef {
  readonly what: "used" | "released" | "deleted";
}

function changesOf({ type, data }: BlobUsingEvent): Change[] {
  const all = (what: Change["what"], blobs: readonly (BlobRef | null | undefined)[]) =>
    blobs.flatMap((blob) => blob ? [{ ...blob, what }] : []);
  switch (type) {
    case "KlinesRecorded":
    case "KlinesArchived":
    case "KlinesDeleted":
    case "KlinesRejected":
      return all("used", [data.blob]);
    case "KlineBatchesCompacted": {
      const kept = data.revisions?.blob;
      const before = data.replaces === null || data.replaces === kept?.sha256
        ? []
        : [{ sha256: data.replaces, sizeBytes: 0 }];
      return [...all("released", [...data.blobs, ...before]), ...all("used", [kept])];
    }
    case "BlobsDeleted":
      return all("deleted", data.blobs);
    case "CrawlerAttempted":
    case "CrawlerFailed":
    case "CrawlerTimedOut":
      return all("used", [data.response]);
    case "MarketReportCrawled":
      return all("used", [data.answer]);
    case "KlinesFoundAbsent":
    case "HotRowsDropped":
      return [];
  }
}

function changed(
  row: BlobUsesRow | undefined,
  event: Recorded<BlobUsingEvent>,
  sha256: string,
): BlobUsesRow | undefined {
  const { stream, at } = event;
  return changesOf(event).filter((change) => change.sha256 === sha256)
    .reduce<BlobUsesRow | undefined>((before, { what, sizeBytes }) => {
      const known = before ??
        { sha256, sizeBytes, users: [], releasedAt: null, deletedAt: null };
      switch (what) {
        case "used":
          return {
            ...{ ...known, sizeBytes, releasedAt: null, deletedAt: null },
            users: [...known.users.filter((user) => user !== stream), stream],
          };
        case "released": {
          const users = known.users.filter((user) => user !== stream);
          return { ...known, users, releasedAt: users.length === 0 ? at : null };
        }
        case "deleted":
          return { ...known, deletedAt: at };
      }
    }, row);
}

/** Blobs that nobody needs and of which nothing was said yet, the longest unneeded first. */
export async function listReleased(db: Db): Promise<BlobUsesRow[]> {
  return await db.select().from(blobUsesTable)
    .where(and(isNotNull(blobUsesTable.releasedAt), isNull(blobUsesTable.deletedAt)))
    .orderBy(asc(blobUsesTable.releasedAt), asc(blobUsesTable.sha256));
}

/** Blobs that were to go lately: a process that ended in between may have left them. */
export async function listDeletedSince(db: Db, since: Date): Promise<BlobUsesRow[]> {
  return await db.select().from(blobUsesTable)
    .where(and(isNotNull(blobUsesTable.releasedAt), gt(blobUsesTable.deletedAt, since)))
    .orderBy(asc(blobUsesTable.sha256));
}
