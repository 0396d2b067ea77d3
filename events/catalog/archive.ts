import { z } from "zod";
import type { EventOf } from "../define.ts";

const count = z.int().min(0);
const runId = z.string().min(1);

/** What a run has done so far. */
const done = {
  /** Periods that got their file, and the candles in them. */
  periodsFiled: count,
  rowsFiled: count,
  /** Bytes that these candles took as rows, and take as files. */
  bytesBefore: count,
  bytesAfter: count,
  /** Rows of filed periods that the database keeps no more. */
  rowsDropped: count,
  /** Bytes of batches and replaced files that no read model can need any more. */
  bytesCompacted: count,
  blobsDeleted: count,
  bytesFreed: count,
};

/** What can happen to a run of the archive. Stream `archive-<runId>`. */
export const archiveEvents = {
  ArchiveRunStarted: z.object({
    runId,
    /** What the run is about to do. */
    periodsToFile: count,
    rowsToFile: count,
    rowsToDrop: count,
  }),
  /** Every few seconds while it goes on. */
  ArchiveRunProgressed: z.object({ runId, ...done }),
  /** Period files were read to the last byte. */
  ArchiveFilesVerified: z.object({
    runId,
    files: count,
    bytes: count,
    /** Cannot be read, and cannot be made again. */
    damaged: z.array(z.object({ seriesId: z.string(), period: z.string(), message: z.string() })),
    /** Were damaged, and are whole again. */
    whole: z.array(z.object({ seriesId: z.string(), period: z.string() })),
    /** Where the round over all files stands, `<seriesId>|<period>`, null at its end; null as a whole when it did not move. */
    round: z.object({ through: z.string().nullable() }).nullable(),
  }),
  ArchiveRunFinished: z.object({
    runId,
    status: z.enum(["succeeded", "failed", "stopped"]),
    ...done,
    /** What could not be done, period by period; nothing of it was lost. */
    problems: z.array(z.object({
      seriesId: z.string(),
      period: z.string(),
      step: z.string(),
      message: z.string(),
    })).max(100),
    problemsTotal: count,
  }),
} as const;

export type ArchiveEvent = EventOf<typeof archiveEvents>;
export type ArchiveProblem = Extract<
  ArchiveEvent,
  { type: "ArchiveRunFinished" }
>["data"]["problems"][number];
