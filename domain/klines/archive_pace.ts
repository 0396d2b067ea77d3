import type { ArchiveEvent } from "@/events/catalog/archive.ts";
import type { Recorded } from "@/events/define.ts";
import type { ArchiveProgress } from "../ports/archive.ts";

export type Pace = Pick<ArchiveProgress, "perSecond" | "etaMs">;

/** `done` in `ms`, and how long the rest takes at that rate; undefined while nothing can be told. */
export function paceOf(
  { done, ms, left }: { done: number; ms: number; left: number | undefined },
): Pace {
  const perSecond = ms > 0 ? done / (ms / 1_000) : 0;
  const known = left !== undefined && perSecond > 0;
  return {
    perSecond,
    etaMs: known ? Math.round(Math.max(0, left) / perSecond * 1_000) : undefined,
  };
}

type Wanted = Extract<ArchiveEvent, { type: "ArchiveRunStarted" }>["data"];
type Told = Extract<ArchiveEvent, { type: "ArchiveRunProgressed" }>["data"];

interface Part {
  readonly label: string;
  readonly unit: string;
  readonly done: (told: Told) => number;
  readonly total: (wanted: Wanted) => number | undefined;
}

/** In the order of a run; the last one that has begun is what it does, but rows go while others are filed. */
const PARTS: readonly Part[] = [
  {
    ...{ label: "file candles", unit: "candles" },
    done: ({ rowsFiled }) => rowsFiled,
    total: ({ rowsToFile }) => rowsToFile,
  },
  {
    ...{ label: "drop rows", unit: "rows" },
    done: ({ rowsDropped }) => rowsDropped,
    total: ({ rowsToDrop }) => rowsToDrop,
  },
  {
    ...{ label: "compact batches", unit: "bytes" },
    done: ({ bytesCompacted }) => bytesCompacted,
    total: () => undefined,
  },
];

/**
 * How far a run is by its events, at what rate since its present part began, and how long that part
 * takes from `now` on (epoch ms). Undefined before its first event and after its last.
 */
export function progressTold(
  events: readonly Recorded<ArchiveEvent>[],
  now: number,
): Omit<ArchiveProgress, "jobId" | "startedAt"> | undefined {
  let wanted: Wanted | undefined;
  let told: { readonly data: Told; readonly at: number } | undefined;
  let isFiling = false;
  /** When each part had not begun yet, as far as is known. */
  const before = PARTS.map(() => 0);
  for (const event of events) {
    const at = event.at.getTime();
    if (event.type === "ArchiveRunFinished") return undefined;
    if (event.type === "ArchiveRunProgressed") {
      isFiling = event.data.rowsFiled > (told?.data.rowsFiled ?? 0);
      told = { data: event.data, at };
    }
    if (event.type === "ArchiveRunStarted") wanted = event.data;
    PARTS.forEach(({ done }, n) => {
      if (told === undefined || done(told.data) === 0) before[n] = at;
    });
  }
  if (wanted === undefined) return undefined;
  const begun = PARTS.findLastIndex(({ done }) => told !== undefined && done(told.data) > 0);
  const isFiled = (told?.data.rowsFiled ?? 0) >= wanted.rowsToFile;
  const at = isFiling && !isFiled ? 0 : Math.max(0, begun);
  const part = PARTS[at];
  if (part === undefined) return undefined;
  const { label, unit } = part;
  const done = told === undefined ? 0 : part.done(told.data);
  const total = part.total(wanted);
  const heardAt = told?.at ?? now;
  const ms = heardAt - (before[at] ?? heardAt);
  const { perSecond, etaMs } = paceOf({
    done,
    ms,
    left: total === undefined ? undefined : total - done,
  });
  return {
    ...{ label, unit, done, total, perSecond },
    etaMs: etaMs === undefined ? undefined : Math.max(0, etaMs - (now - heardAt)),
  };
}
