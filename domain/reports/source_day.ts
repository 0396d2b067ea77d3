import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";

/** What the runs of one source came to that ended within a day. */
export interface SourceDay {
  readonly source: string;
  readonly succeeded: number;
  readonly failed: number;
  readonly timedOut: number;
  readonly crashed: number;
  readonly skipped: number;
  readonly rows: number;
  readonly bytes: number;
  /** Of the attempts that ended the runs, crashed ones left out: nobody knows how long they took. */
  readonly totalMs: number;
  readonly slowest: { readonly runId: string; readonly durationMs: number } | null;
}

export function emptyDay(source: string): SourceDay {
  return {
    ...{ source, succeeded: 0, failed: 0, timedOut: 0, crashed: 0, skipped: 0 },
    ...{ rows: 0, bytes: 0, totalMs: 0, slowest: null },
  };
}

/** Takes in an event of the source; those that end no run change nothing. */
export function addRun(day: SourceDay, { type, data }: CrawlerRunEvent): SourceDay {
  switch (type) {
    case "CrawlerSucceeded": {
      const { rows, bytes } = data;
      const succeeded = day.succeeded + 1;
      return timed({ ...day, succeeded, rows: day.rows + rows, bytes: day.bytes + bytes }, data);
    }
    case "CrawlerFailed":
      return timed({ ...day, failed: day.failed + 1 }, data);
    case "CrawlerTimedOut":
      return timed({ ...day, timedOut: day.timedOut + 1 }, data);
    case "CrawlerCrashed":
      return data.stopped ? day : { ...day, crashed: day.crashed + 1 };
    case "CrawlerSkipped":
      return { ...day, skipped: day.skipped + 1 };
    case "CrawlerRunStarted":
    case "CrawlerAttempted":
      return day;
  }
}

/** Runs that ended with or without a result; skipped ones never ran. */
export function runsOf({ succeeded, ...day }: SourceDay): number {
  return succeeded + failuresOf({ succeeded, ...day });
}

export function failuresOf({ failed, timedOut, crashed }: SourceDay): number {
  return failed + timedOut + crashed;
}

/** From 0 to 1; undefined when nothing ran. */
export function successRate(days: readonly SourceDay[]): number | undefined {
  const runs = days.reduce((sum, day) => sum + runsOf(day), 0);
  return runs === 0 ? undefined : days.reduce((sum, day) => sum + day.succeeded, 0) / runs;
}

function timed(
  day: SourceDay,
  { runId, durationMs }: { runId: string; durationMs: number },
): SourceDay {
  const isSlowest = durationMs > (day.slowest?.durationMs ?? -1);
  const slowest = isSlowest ? { runId, durationMs } : day.slowest;
  return { ...day, totalMs: day.totalMs + durationMs, slowest };
}
