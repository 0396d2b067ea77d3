import { and, eq } from "drizzle-orm";
import { DamagedFile, isDamage } from "@/domain/damaged_file.ts";
import type { KlineReader } from "@/domain/ports/kline_reader.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import type { Db } from "./db.ts";
import { klinePeriodsTable as periods } from "./kline_periods.ts";

/** A reader that says which period's file is damaged: throws DamagedFile for BlobMissing and BlobCorrupt. */
export function namingDamagedReads(reader: KlineReader, db: Db): KlineReader {
  return {
    ...reader,
    async read(query, signal) {
      try {
        return await reader.read(query, signal);
      } catch (error) {
        if (!isDamage(error)) throw error;
        const { seriesId } = query;
        const [found] = await db.select({ period: periods.period }).from(periods)
          .where(and(eq(periods.seriesId, seriesId), eq(periods.fileSha256, error.sha256)));
        throw found === undefined ? error : new DamagedFile(seriesId, found.period, error);
      }
    },
  };
}

/** Lends blobs, and keeps the names of those that cannot be lent because they are damaged. */
export function notingDamage(
  blobs: Pick<Blobs, "local">,
  damaged: Set<string>,
): Pick<Blobs, "local"> {
  return {
    async local(sha256, options) {
      try {
        return await blobs.local(sha256, options);
      } catch (error) {
        if (isDamage(error)) damaged.add(sha256);
        throw error;
      }
    },
  };
}
