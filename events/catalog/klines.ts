import { z } from "zod";
import type { EventOf } from "../define.ts";

const epochMs = z.int();
const decimal = z.string();
const count = z.int().min(0);

/** Open times, from inclusive to exclusive, in ms. */
const range = z.tuple([epochMs, epochMs]);

/** `[openTime, open, high, low, close, volume, closeTime, quoteVolume, tradesCount, takerBuyVolume, takerBuyQuoteVolume]`; closeTime null = regular. */
const row = z.tuple([
  epochMs,
  decimal,
  decimal,
  decimal,
  decimal,
  decimal,
  epochMs.nullable(),
  decimal.nullable(),
  z.int().nullable(),
  decimal.nullable(),
  decimal.nullable(),
]);

export const blobRef = z.object({ sha256: z.string().length(64), sizeBytes: count });

const place = { seriesId: z.string(), period: z.string() };
const source = z.enum(["exchange", "import", "api"]);
const outcome = { ingested: count, revised: count, unchanged: count, heldBetter: count };

/** What can happen to one period of a series. Stream `klines-<seriesId>-<period>`. */
export const klineEvents = {
  /** Candles for the hot rows: up to 256 in the event, more in a Parquet blob. Only new and revised ones. */
  KlinesRecorded: z.object({
    ...place,
    source,
    /** First open time and one past the last. */
    from: epochMs,
    to: epochMs,
    ...outcome,
    /** Slots held now that were not held before. */
    added: z.array(range),
    candles: z.array(row).max(256),
    blob: blobRef.nullable(),
  }),
  /** The period lies in a file now: all its candles. Readers take the file. */
  KlinesArchived: z.object({
    ...place,
    source,
    blob: blobRef,
    /** The file before it, if any. */
    replaces: z.string().nullable(),
    rows: count,
    firstOpenTime: epochMs,
    lastOpenTime: epochMs,
    ...outcome,
    /** All slots the file holds. */
    held: z.array(range),
    scale: z.object({ price: count, volume: count, quote: count }),
  }),
  /** Rows of a filed period are rows of the database no more: the file alone has them now. */
  HotRowsDropped: z.object({
    ...place,
    /** Open times of the rows, from inclusive to exclusive. */
    from: epochMs,
    to: epochMs,
    rows: count,
  }),
  /**
   * Batches and replaced files are needed no more: the period's file holds their candles, and the
   * revisions those that it does not hold as they were. Without blobs, the revisions alone are new.
   */
  KlineBatchesCompacted: z.object({
    ...place,
    blobs: z.array(blobRef),
    /** All of the period that was superseded, removed or refused; null while there is none. */
    revisions: z.object({ blob: blobRef, rows: count }).nullable(),
    /** The revisions before these. */
    replaces: z.string().nullable(),
    /** Position up to which they hold all that was refused; null where they may lack small batches. */
    refusedThrough: count.nullable(),
  }),
  KlinesDeleted: z.object({
    ...place,
    from: epochMs,
    to: epochMs,
    rows: count,
    reason: z.string(),
    /** Never crawled again. */
    keepOut: z.boolean(),
    /** All slots and the bounds that remain held in the period. */
    held: z.array(range),
    firstOpenTime: epochMs.nullable(),
    lastOpenTime: epochMs.nullable(),
    /** The period's file afterwards; null when it had none or nothing is left. */
    blob: blobRef.nullable(),
  }),
  /** The exchange was asked and has no candle in these slots. */
  KlinesFoundAbsent: z.object({ ...place, ranges: z.array(range).min(1), askedAt: epochMs }),
} as const;

/** Rows that were refused, kept with their reason. Stream `klines_rejected-<seriesId>`. */
export const klineRejectionEvents = {
  KlinesRejected: z.object({
    seriesId: z.string(),
    source,
    total: count,
    reasons: z.record(z.string(), count),
    /** The first 256; all of them in the blob when there are more. */
    rows: z.array(z.object({ row: count, reason: z.string(), values: z.string() })).max(256),
    blob: blobRef.nullable(),
    /** First open time that the blob's rows name, and one past the last; null where nobody noted it. */
    blobTimes: range.nullable(),
  }),
} as const;

export type KlineEvent = EventOf<typeof klineEvents>;
export type KlineRejectionEvent = EventOf<typeof klineRejectionEvents>;
export type KlineRow = z.infer<typeof row>;
export type OpenTimeRange = z.infer<typeof range>;
