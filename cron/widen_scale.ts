import { VersionConflict } from "@/events/store/store.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import type { Scale } from "@/domain/ports/lake.ts";
import type { KlinePeriodRow } from "@/projections/kline_periods.ts";
import { findScale, listFiledPeriods } from "@/projections/period_queries.ts";
import { type IngestDeps, type IngestRun, partId } from "./ingest_run.ts";
import { verifiedBlob } from "./ingest_period.ts";
import { currentPeriod, decidePeriod } from "./period_state.ts";
import { decideSeries } from "./series_commands.ts";

/** The series' scale once it holds the batch's decimals; recorded when it grows. */
export async function widenScale(
  deps: IngestDeps,
  run: IngestRun,
  needed: Scale,
): Promise<Scale> {
  const row = await findScale(deps.db, run.seriesId);
  const scale = {
    price: Math.max(row?.priceScale ?? 0, needed.price),
    volume: Math.max(row?.volumeScale ?? 0, needed.volume),
    quote: Math.max(row?.quoteScale ?? 0, needed.quote),
  };
  if (row === undefined || isNarrower(row, scale)) {
    const data = { seriesId: run.seriesId, ...scale };
    await decideSeries(deps.store, { type: "WidenScale", data }, run);
  }
  return scale;
}

/**
 * Brings files of a smaller scale to the series' scale: engines that read the lake by a glob round
 * to the first file's scale. The candles stay equal; a file that meanwhile changed is done already.
 */
export async function rescaleFiles(
  deps: IngestDeps,
  run: IngestRun,
  scale: Scale,
): Promise<void> {
  const rows = await listFiledPeriods(deps.db, run.seriesId);
  for (const row of rows.filter((row) => isNarrower(row, scale))) {
    run.signal?.throwIfAborted();
    try {
      await rescale(deps, run, { row, scale });
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
    }
  }
}

async function rescale(
  deps: IngestDeps,
  run: IngestRun,
  { row: { period }, scale }: { row: KlinePeriodRow; scale: Scale },
): Promise<void> {
  const { seriesId, actor } = run;
  const current = await currentPeriod(deps, { seriesId, period });
  const { version, row } = current;
  if (row?.fileSha256 === undefined || row.fileSha256 === null || !isNarrower(row, scale)) return;
  const old = await deps.blobs.local(row.fileSha256);
  try {
    const path = deps.workspace.path("parquet");
    const facts = await deps.lake.rescale(old.path, scale, path);
    const before = await deps.lake.describe(old.path);
    const blob = await verifiedBlob(deps, { path, facts: before, seriesId, period });
    const command: KlinePeriodCommand = {
      type: "ArchiveKlines",
      data: {
        ...{ seriesId, period, blob, rows: facts.rows },
        source: run.source,
        ...{ firstOpenTime: facts.firstOpenTime, lastOpenTime: facts.lastOpenTime },
        ...{ ingested: 0, revised: 0, unchanged: facts.rows, heldBetter: 0 },
        held: [...facts.held],
        scale: facts.scale,
      },
    };
    const commandId = partId(run, `rescale/${period}/${version}`);
    await decidePeriod(deps.store, current, { command, actor, commandId });
  } finally {
    old.release();
  }
}

function isNarrower(
  held: { priceScale: number; volumeScale: number; quoteScale: number },
  { price, volume, quote }: Scale,
): boolean {
  return held.priceScale < price || held.volumeScale < volume || held.quoteScale < quote;
}
