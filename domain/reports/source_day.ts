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
  /** Of the runs that ended, the last one of each included. */
  readonly attempts: number;
  /** How many of those that ended the runs took up to each of the bounds, then all of them. */
  readonly durations: readonly number[];
  readonly slowest: { readonly runId: string; readonly durationMs: number } | null;
}

/** How long runs are told apart by: half a second to the hours of a first crawl. */
export const DURATION_BOUNDS_MS = [
  ...[500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000] as const,
  ...[600_000, 1_800_000, 3_600_000, 14_400_000] as const,
] as const;

export function emptyDay(source: string): SourceDay {
  return {
    ...{ source, succeeded: 0, failed: 0, timedOut: 0, crashed: 0, skipped: 0 },
    ...{ rows: 0, bytes: 0, totalMs: 0, attempts: 0, slowest: null },
    durations: [...DURATION_BOUNDS_MS, Infinity].map(() => 0),
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
      return timed({ ...day, ...withStored(day, data), failed: day.failed + 1 }, data);
    case "CrawlerTimedOut":
      return timed({ ...day, ...withStored(day, data), timedOut: day.timedOut + 1 }, data);
    case "CrawlerCrashed":
      if (data.stopped) return day;
      return { ...day, crashed: day.crashed + 1, attempts: day.attempts + data.attempt };
    case "CrawlerSkipped":
      return { ...day, skipped: day.skipped + 1 };
    case "CrawlerRunStarted":
    case "CrawlerAttempted":
      return day;
  }
}

function withStored(
  { rows, bytes }: SourceDay,
  stored: { readonly rows: number | null; readonly bytes: number | null },
): Pick<SourceDay, "rows" | "bytes"> {
  return { rows: rows + (stored.rows ?? 0), bytes: bytes + (stored.bytes ?? 0) };
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
  { runId, durationMs, attempt }: { runId: string; durationMs: number; attempt: number },
): SourceDay {
  const isSlowest = durationMs > (day.slowest?.durationMs ?? -1);
  const slowest = isSlowest ? { runId, durationMs } : day.slowest;
  const durations = day.durations.map((count, i) =>
    durationMs <= (DURATION_BOUNDS_MS[i] ?? Infinity) ? count + 1 : count
  );
  const attempts = day.attempts + attempt;
  return { ...day, totalMs: day.totalMs + durationMs, attempts, durations, slowest };
}
