import type { BlobRef, Blobs, LocalBlob } from "@/events/blobs/blobs.ts";
import { namingDamage } from "@/domain/damaged_file.ts";
import { toRow } from "@/domain/klines/candle.ts";
import { periodRange } from "@/domain/klines/period.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Comparison, FileFacts, HeldCandles, StagedBatch } from "@/domain/ports/lake.ts";
import { hotRowsText } from "@/projections/hot_rows.ts";
import type { IngestDeps, IngestRun, PartOutcome } from "./ingest_run.ts";
import type { PeriodDeps } from "./period_deps.ts";
import type { LateWriter, StagedPeriod } from "./late_queue.ts";
import { type MergedLate, mergeLate } from "./merge_late.ts";
import { currentPeriod, decidePeriod, type PeriodState } from "./period_state.ts";
import { inTurn } from "./period_turn.ts";
import { withWorkPath } from "./work_path.ts";

/** More candles than this travel in a blob, not in the event. */
export const INLINE_CANDLES = 256;

/** Compares, writes what is new, and records it at the version at which it compared. */
export async function ingestStagedPeriod(
  deps: PeriodDeps,
  run: IngestRun,
  part: StagedPeriod,
): Promise<PartOutcome> {
  const writer: LateWriter = { run, part, outcome: undefined };
  return await deps.late.within(writer, () =>
    inTurn(deps, run, {
      period: part.period,
      attempt: async (commandId) => writer.outcome ?? await attempt(deps, writer, commandId),
    }));
}

async function attempt(
  deps: PeriodDeps,
  writer: LateWriter,
  commandId: string,
): Promise<PartOutcome> {
  const { run, part: { staged, period, ...part } } = writer;
  const { seriesId, source, overwrite = false } = run;
  const state = await currentPeriod(deps, { seriesId, period });
  const held = await heldCandles(deps, run, { staged, period, state });
  try {
    const comparison = await staged.compare(period, held, { source, overwrite });
    const { ingested, revised } = comparison;
    if (ingested + revised === 0) return { ...comparison, position: 0 };
    const scale = await part.scale.widened();
    const { actor } = run;
    if (!isCold(run, state, { period, hotDays: deps.hotDays })) {
      const command = await record(deps, run, { staged, period, comparison });
      const position = await decidePeriod(deps.store, state, { command, actor, commandId });
      return { ...comparison, position };
    }
    return await withWorkPath(deps.workspace, async (path) => {
      const facts = await staged.writeMerged(period, scale, path);
      const merged = await mergeLate(deps, writer, { path, facts, comparison });
      const command = await archive(deps, run, { period, merged });
      const position = await decidePeriod(deps.store, state, { command, actor, commandId });
      for (const one of merged.parts) one.writer.outcome = { ...one.comparison, position };
      return { ...comparison, position };
    });
  } finally {
    held.release();
  }
}

/** A filed period stays filed; an old one without hot rows goes straight to its file. */
export function isCold(
  { series, now }: IngestRun,
  { row }: PeriodState,
  { period, hotDays }: { period: string; hotDays: number },
): boolean {
  if (row !== undefined && row.fileSha256 !== null) return true;
  const [, end] = periodRange(series.interval, period);
  return end <= now - hotDays * 86_400_000 && (row?.hotRows ?? 0) === 0;
}

async function heldCandles(
  { blobs, database }: IngestDeps,
  { seriesId }: IngestRun,
  { staged, period, state: { row } }: { staged: StagedBatch; period: string; state: PeriodState },
): Promise<HeldCandles & { release(): void }> {
  if (row === undefined) return { release() {} };
  if (row.fileSha256 !== null) {
    const file = await lendPeriodFile(blobs, { ...row, sha256: row.fileSha256 });
    return { file: file.path, release: () => file.release() };
  }
  const batch = staged.periods.find((p) => p.period === period);
  const overlap = row.firstOpenTime !== null && row.lastOpenTime !== null && batch !== undefined &&
    batch.firstOpenTime <= row.lastOpenTime && batch.lastOpenTime >= row.firstOpenTime;
  if (!overlap) return { release() {} };
  const range = { seriesId, from: batch.firstOpenTime, to: batch.lastOpenTime + 1 };
  const hot = await hotRowsText(database, range);
  return { ...(hot === "" ? {} : { hot }), release() {} };
}

interface Change {
  readonly staged: StagedBatch;
  readonly period: string;
  readonly comparison: Comparison;
}

/** For the hot rows: the new and revised candles, inline or in a blob. */
async function record(
  { blobs, workspace }: IngestDeps,
  { seriesId, source }: IngestRun,
  { staged, period, comparison }: Change,
): Promise<KlinePeriodCommand> {
  const { ingested, revised, unchanged, heldBetter, added } = comparison;
  const common = {
    ...{ seriesId, period, source, ingested, revised, unchanged, heldBetter },
    added: [...added],
  };
  if (ingested + revised <= INLINE_CANDLES) {
    const candles = (await staged.delta(period)).map(toRow);
    const [first, last] = [candles.at(0)?.[0] ?? 0, candles.at(-1)?.[0] ?? 0];
    return {
      type: "RecordKlines",
      data: { ...common, from: first, to: last + 1, candles, blob: null },
    };
  }
  return await withWorkPath(workspace, async (path) => {
    const { firstOpenTime: from, lastOpenTime } = await staged.writeDelta(period, path);
    const blob = await blobs.putFile(path);
    const data = { ...common, from, to: lastOpenTime + 1, candles: [], blob };
    return { type: "RecordKlines", data };
  });
}

/** For the lake: the whole period in a new file, read back and compared before it is named. */
async function archive(
  deps: IngestDeps,
  { seriesId, source }: IngestRun,
  { period, merged: { path, facts, parts } }: { period: string; merged: MergedLate },
): Promise<KlinePeriodCommand> {
  // With others' candles it is another file than the first one written.
  const blob = await verifiedBlob(deps, { path, facts, seriesId, period })
    .finally(() => deps.workspace.remove(path));
  const { rows, firstOpenTime, lastOpenTime, held, scale } = facts;
  const total = (key: "ingested" | "revised" | "unchanged" | "heldBetter") =>
    parts.reduce((sum, { comparison }) => sum + comparison[key], 0);
  return {
    type: "ArchiveKlines",
    data: {
      ...{ seriesId, period, source, blob, rows, firstOpenTime, lastOpenTime },
      ...{ ingested: total("ingested"), revised: total("revised") },
      ...{ unchanged: total("unchanged"), heldBetter: total("heldBetter") },
      held: [...held],
      scale,
    },
  };
}

/** A period's file for the engine, read to the last byte: the next one is made of it. Throws DamagedFile. */
export async function lendPeriodFile(
  blobs: Pick<Blobs, "local">,
  { sha256, ...place }: { readonly sha256: string; seriesId: string; period: string },
): Promise<LocalBlob> {
  try {
    return await blobs.local(sha256, { anew: true });
  } catch (error) {
    throw namingDamage(error, place);
  }
}

/** Stores a written period file only when it reads back as what was meant to be in it. */
export async function verifiedBlob(
  { lake, blobs }: Pick<IngestDeps, "lake" | "blobs">,
  { path, facts, seriesId, period }: {
    path: string;
    facts: FileFacts;
    seriesId: string;
    period: string;
  },
): Promise<BlobRef> {
  const found = await lake.describe(path);
  const same = found.rows === facts.rows && found.checksum === facts.checksum &&
    found.firstOpenTime === facts.firstOpenTime && found.lastOpenTime === facts.lastOpenTime;
  if (!same) {
    throw new AdapterError(`Cannot file ${seriesId} ${period}: the file reads back differently`, {
      port: "lake",
      op: `write ${period}`,
      retryable: true,
      hint: "Check the disk; nothing was recorded",
    });
  }
  return await blobs.putFile(path);
}
