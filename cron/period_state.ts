import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { EventStore } from "@/events/store/store.ts";
import { type KlinePeriod, klinePeriod, type KlinePeriodCommand } from "@/domain/kline_period.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Db } from "@/projections/db.ts";
import type { Projections } from "@/projections/define.ts";
import { type KlinePeriodRow, klinePeriods } from "@/projections/kline_periods.ts";
import { findPeriod } from "@/projections/period_queries.ts";

interface Deps {
  readonly store: EventStore;
  readonly db: Db;
  readonly projections: Projections;
}

/** What a period holds, and the version of its stream at which it holds that. */
export interface PeriodState {
  readonly version: number;
  /** What the decider goes by. */
  readonly state: KlinePeriod;
  /** Undefined when nothing has ever happened to it. */
  readonly row: KlinePeriodRow | undefined;
}

/**
 * The period as the read models show it, with no look at its stream: for a first attempt, whose append
 * at this version is refused when they are behind. What needs no append must not go by it.
 */
export async function shownPeriod(
  { db, projections }: Pick<Deps, "db" | "projections">,
  { seriesId, period }: { seriesId: string; period: string },
): Promise<PeriodState | undefined> {
  const row = await findPeriod(db, { seriesId, period });
  if (row !== undefined && !await projections.waitFor(row.position, WAIT_MS, SNAPSHOT)) {
    return undefined;
  }
  return periodOf(row);
}

/**
 * The period as the read models show it, once they show all of its stream. They are the snapshot
 * of a stream that may hold an event a minute. Throws a retryable AdapterError while they lag.
 */
export async function currentPeriod(
  { store, db, projections }: Deps,
  { seriesId, period }: { seriesId: string; period: string },
): Promise<PeriodState> {
  const stream = klineStream(seriesId, period);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const row = await findPeriod(db, { seriesId, period });
    const known = row?.streamVersion ?? 0;
    const tail = await store.readStream<KlineEvent>(stream, { fromVersion: known + 1 });
    const last = tail.events.at(-1);
    if (last === undefined) {
      // The rows of table `klines` may be a step behind this row's.
      if (row === undefined || await projections.waitFor(row.position, WAIT_MS, SNAPSHOT)) {
        return periodOf(row);
      }
    } else await projections.waitFor(last.position, WAIT_MS, SNAPSHOT);
  }
  throw new AdapterError("Cannot compare candles yet: the read models are catching up", {
    port: "projections",
    op: `${klinePeriods.name} ${seriesId} ${period}`,
    retryable: true,
    hint: "GET /admin/projections shows how far they are",
  });
}

/** Two seconds each. */
const MAX_ATTEMPTS = 30;
const WAIT_MS = 2_000;

/** What the snapshot is made of: whatever else stopped does not keep candles out. */
const SNAPSHOT = [klinePeriods.name, "klines"];

function periodOf(row: KlinePeriodRow | undefined): PeriodState {
  const state = row === undefined ? klinePeriod.initial : stateOf(row);
  return { version: row?.streamVersion ?? 0, row, state };
}

function stateOf(row: KlinePeriodRow): KlinePeriod {
  const { fileSha256, fileSizeBytes, candles, hotRows, held, absent, keptOut } = row;
  const file = fileSha256 === null ? null : { sha256: fileSha256, sizeBytes: fileSizeBytes ?? 0 };
  return { file, rows: candles, hotRows, held, absent, keptOut, ...UNTOLD };
}

/** A repeat is told by what a process did itself, and by the version at which it appends. */
const UNTOLD = { lastBatch: null, lastCompaction: null } as const;

/** Decides at the version read and appends there; VersionConflict when another writer came first. */
export async function decidePeriod(
  store: EventStore,
  { version, state }: PeriodState,
  { command, actor, commandId }: { command: KlinePeriodCommand; actor: string; commandId: string },
): Promise<number> {
  const events = klinePeriod.decide(command, state);
  if (events.length === 0) return 0;
  const stream = klineStream(command.data.seriesId, command.data.period);
  const expected = version === 0 ? "none" : version;
  const { position } = await store.append([{ stream, expected, events }], { actor, commandId });
  return position;
}

export function klineStream(seriesId: string, period: string): string {
  return `klines-${seriesId}-${period}`;
}
