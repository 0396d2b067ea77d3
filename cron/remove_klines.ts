import type { KlineEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import { trusted } from "@/events/trust.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { Refusal } from "@/domain/decider.ts";
import { subtractRanges } from "@/domain/klines/coverage.ts";
import { periodRange, periodsOf } from "@/domain/klines/period.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { KlineRemoval, RemovalRequest } from "@/domain/ports/kline_removal.ts";
import { hotRowsBeside } from "@/projections/hot_rows.ts";
import { type KlinePeriodRow, klinePeriods } from "@/projections/kline_periods.ts";
import { findPeriod, listPeriods } from "@/projections/period_queries.ts";
import { firstHeld, spareBorders, spareBordersOf, touchedSlots } from "./border_candles.ts";
import type { IngestDeps } from "./ingest_run.ts";
import { lendPeriodFile, verifiedBlob } from "./ingest_period.ts";
import { currentPeriod, decidePeriod } from "./period_state.ts";
import { untilDecided } from "./until_decided.ts";
import { withWorkPath } from "./work_path.ts";

type Deps = Pick<
  IngestDeps,
  "store" | "db" | "database" | "projections" | "lake" | "blobs" | "workspace"
>;

/** How long a removal waits until the list of periods is complete. */
const LIST_WAIT_MS = 30_000;

/** Appends of one request that keeps a range out: eleven years of 1s, more of all others. */
const MAX_KEPT_OUT = 4_000;

/**
 * Removes candles by event, whole slots at a time: the log and the old files still hold them. Refuses
 * where a slot also holds a candle outside of the range.
 */
export function createKlineRemoval(deps: Deps): KlineRemoval {
  return {
    async remove(request) {
      const range = touchedSlots(request);
      const periods = await periodsIn(deps, request, range);
      let [removed, position] = [0, 0];
      for (const period of await isAsked(deps, request, periods) ? periods : []) {
        const part = intersection(range, periodRange(request.interval, period));
        if (part === undefined) continue;
        const done = await removeFromPeriod(deps, request, { period, range: part });
        removed += done.removed;
        position = Math.max(position, done.position);
      }
      const last = position || await deps.store.head();
      return { removed, position: last, visible: await deps.projections.waitFor(last) };
    },
  };
}

/** All that hold candles of the range, and those that never did when it is to be kept out. */
async function periodsIn(
  { store, db, projections }: Deps,
  { seriesId, interval, keepOut }: RemovalRequest,
  range: OpenTimeRange,
): Promise<readonly string[]> {
  if (keepOut) {
    const periods = periodsOf(interval, range, MAX_KEPT_OUT + 1);
    if (periods.length <= MAX_KEPT_OUT) return periods;
    throw new Refusal(
      "validation_error",
      `Cannot keep out so long a range at once: it touches more than ${MAX_KEPT_OUT} periods`,
    );
  }
  // What was acknowledged a moment ago is removed as well.
  if (!await projections.waitFor(await store.head(), LIST_WAIT_MS, [klinePeriods.name])) {
    throw new AdapterError("Cannot remove candles yet: the read models are catching up", {
      port: "projections",
      op: `${klinePeriods.name} ${seriesId}`,
      retryable: true,
      hint: "GET /admin/projections shows how far they are",
    });
  }
  const held = await listPeriods(db, seriesId);
  return held.filter(({ candles }) => candles > 0).map(({ period }) => period);
}

/** Whether there is anything to do; a Refusal before the first period has lost a candle. */
async function isAsked(
  deps: Deps,
  request: RemovalRequest,
  periods: readonly string[],
): Promise<boolean> {
  const { seriesId, interval, keepOut, from, to } = request;
  try {
    await spareBorders(deps, request);
    return true;
  } catch (error) {
    if (!(error instanceof Refusal) || keepOut) throw error;
    for (const period of periods) {
      const part = intersection([from, to], periodRange(interval, period));
      const row = part && await findPeriod(deps.db, { seriesId, period });
      if (row === undefined || part === undefined) continue;
      if (await firstHeld(deps, { row, interval, range: part }) !== undefined) throw error;
    }
    // Nothing in the range, and what lies beside it is no concern.
    return false;
  }
}

interface PeriodPart {
  readonly period: string;
  readonly range: OpenTimeRange;
}

async function removeFromPeriod(
  deps: Deps,
  request: RemovalRequest,
  part: PeriodPart,
): Promise<{ removed: number; position: number }> {
  const commandId = uuidV5(request.commandId, `remove/${part.period}`);
  return await untilDecided(async () => {
    const [done] = trusted<(KlineEvent & { position: number })[]>(
      await deps.store.findCommand(commandId),
    );
    if (done?.type === "KlinesDeleted") {
      return { removed: done.data.rows, position: done.position };
    }
    return await attempt(deps, request, { ...part, commandId });
  });
}

async function attempt(
  deps: Deps,
  request: RemovalRequest,
  { period, range, commandId }: PeriodPart & { commandId: string },
): Promise<{ removed: number; position: number }> {
  const { seriesId, reason, keepOut, actor } = request;
  const current = await currentPeriod(deps, { seriesId, period });
  const { row } = current;
  // Candles may have come since the borders were looked at.
  if (row !== undefined) await spareBordersOf(deps, request, row);
  const rest = row === undefined || row.candles === 0
    ? { ...EMPTY, removed: 0 }
    : await withoutRange(deps, { row, range });
  if (rest.removed === 0 && !keepOut) return { removed: 0, position: 0 };
  const command: KlinePeriodCommand = {
    type: "DeleteKlines",
    data: {
      ...{ seriesId, period, reason, keepOut },
      from: range[0],
      to: range[1],
      rows: rest.removed,
      held: [...subtractRanges(current.state.held, [range])],
      firstOpenTime: rest.firstOpenTime,
      lastOpenTime: rest.lastOpenTime,
      blob: rest.blob,
    },
  };
  const position = await decidePeriod(deps.store, current, { command, actor, commandId });
  return { removed: rest.removed, position };
}

interface Rest {
  readonly removed: number;
  readonly firstOpenTime: number | null;
  readonly lastOpenTime: number | null;
  readonly blob: { sha256: string; sizeBytes: number } | null;
}

async function withoutRange(
  deps: Deps,
  { row, range }: { row: KlinePeriodRow; range: OpenTimeRange },
): Promise<Rest> {
  if (row.fileSha256 === null) return await hotRest(deps, { row, range });
  const old = await lendPeriodFile(deps.blobs, { ...row, sha256: row.fileSha256 });
  try {
    return await withWorkPath(deps.workspace, async (path) => {
      const facts = await deps.lake.without(old.path, range, path);
      if (facts === undefined) return { ...EMPTY, removed: row.candles };
      const { seriesId, period } = row;
      const blob = await verifiedBlob(deps, { path, facts, seriesId, period });
      const { firstOpenTime, lastOpenTime } = facts;
      return { removed: row.candles - facts.rows, firstOpenTime, lastOpenTime, blob };
    });
  } finally {
    old.release();
  }
}

const EMPTY = { firstOpenTime: null, lastOpenTime: null, blob: null } as const;

async function hotRest(
  { database }: Deps,
  { row: { seriesId, candles, firstOpenTime, lastOpenTime }, range: [from, to] }: {
    row: KlinePeriodRow;
    range: OpenTimeRange;
  },
): Promise<Rest> {
  const held = { seriesId, from: firstOpenTime ?? 0, to: (lastOpenTime ?? 0) + 1 };
  const { rows, first, last } = await hotRowsBeside(database, held, [from, to]);
  return { removed: candles - rows, firstOpenTime: first, lastOpenTime: last, blob: null };
}

function intersection(
  [from, to]: OpenTimeRange,
  [start, end]: OpenTimeRange,
): OpenTimeRange | undefined {
  const part: OpenTimeRange = [Math.max(from, start), Math.min(to, end)];
  return part[0] < part[1] ? part : undefined;
}
