import type { StagedBatch } from "@/domain/ports/lake.ts";
import type { IngestRun, PartOutcome, SeriesScale } from "./ingest_run.ts";

/** What one ingest has for one period. */
export interface StagedPeriod {
  readonly staged: StagedBatch;
  readonly period: string;
  readonly scale: SeriesScale;
}

/** An ingest that waits for its turn at a period. */
export interface LateWriter {
  readonly run: IngestRun;
  readonly part: StagedPeriod;
  /** Set by whoever wrote its candles together with others. */
  outcome: PartOutcome | undefined;
}

/** The writers that wait for a period, in the order in which they came. */
export interface LateQueue {
  /** In line while it works. */
  within<T>(writer: LateWriter, work: () => Promise<T>): Promise<T>;
  /**
   * Those behind a writer whose candles may be recorded in the same event as its own, for the same actor
   * and source; none where somebody may look for the command of either later, for that event's counts are
   * those of all.
   */
  behind(writer: LateWriter): readonly LateWriter[];
}

/** More would keep the first of them waiting. */
const MOST_TOGETHER = 64;

export function createLateQueue(): LateQueue {
  const periods = new Map<string, Set<LateWriter>>();
  const keyOf = ({ run, part }: LateWriter) => `${run.seriesId}|${part.period}`;
  return {
    async within(writer, work) {
      const key = keyOf(writer);
      const writers = periods.get(key) ?? new Set();
      periods.set(key, writers.add(writer));
      try {
        return await work();
      } finally {
        writers.delete(writer);
        if (writers.size === 0) periods.delete(key);
      }
    },
    behind(writer) {
      const { run } = writer;
      if (run.overwrite === true || run.isNew !== true) return [];
      return [...periods.get(keyOf(writer)) ?? []].filter((other) =>
        other !== writer && other.outcome === undefined && other.run.isNew === true &&
        other.run.source === run.source && other.run.actor === run.actor &&
        other.run.overwrite !== true && other.run.signal?.aborted !== true
      ).slice(0, MOST_TOGETHER);
    },
  };
}
