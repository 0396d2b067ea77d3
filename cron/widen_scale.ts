import { isSmallerScale, widerScale } from "@/domain/klines/scale.ts";
import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import type { Scale } from "@/domain/ports/lake.ts";
import { type KlinePeriodRow, klinePeriods } from "@/projections/kline_periods.ts";
import { listFiledPeriods } from "@/projections/period_queries.ts";
import { type IngestDeps, type IngestRun, partId, type SeriesScale } from "./ingest_run.ts";
import { verifiedBlob } from "./ingest_period.ts";
import { currentPeriod, decidePeriod } from "./period_state.ts";
import { failureFields } from "./error_message.ts";
import { currentSeries, decideSeries } from "./series_commands.ts";
import { untilDecided } from "./until_decided.ts";
import { withWorkPath } from "./work_path.ts";

/** For one ingest, whose rows need these decimals. */
export function openScale(deps: IngestDeps, run: IngestRun, needed: Scale): SeriesScale {
  let asked: Promise<Widening> | undefined;
  return {
    widened: async () => (await (asked ??= widen(deps, run, needed))).scale,
    async settle() {
      if (asked === undefined) return;
      try {
        await settle(deps, run, await asked);
      } catch (error) {
        deps.log.warn("period files keep their scale until the archive runs", {
          ...{ series: run.seriesId, ...failureFields(error) },
        });
      }
    },
  };
}

async function settle(deps: IngestDeps, run: IngestRun, used: Widening): Promise<void> {
  const { seriesId } = run;
  const scale = await currentScale(deps, seriesId);
  // Each writer looks again behind its own files, so the last of them sees all of them.
  if (used.grew || isSmallerScale(used.scale, scale)) {
    const head = await deps.store.head();
    await deps.projections.waitFor(head, LIST_WAIT_MS, [klinePeriods.name]);
  }
  const narrow = (await listFiledPeriods(deps.db, seriesId)).filter((row) =>
    isNarrower(row, scale)
  );
  for (const { period } of narrow) {
    if (run.signal?.aborted === true) return;
    try {
      await rescalePeriod(deps, run, { period, scale });
    } catch (error) {
      deps.log.error("a period file keeps its scale", {
        ...{ series: seriesId, period, ...failureFields(error) },
      });
    }
  }
}

const LIST_WAIT_MS = 30_000;

interface Widening {
  readonly scale: Scale;
  readonly grew: boolean;
}

async function widen(deps: IngestDeps, run: IngestRun, needed: Scale): Promise<Widening> {
  const before = await currentScale(deps, run.seriesId);
  if (!isSmallerScale(before, needed)) return { scale: before, grew: false };
  const data = { seriesId: run.seriesId, ...widerScale(before, needed) };
  await decideSeries(deps.store, { type: "WidenScale", data }, run);
  return { scale: await currentScale(deps, run.seriesId), grew: true };
}

/** By the stream: a read model that lags would have a file written too narrow. */
export async function currentScale(
  { store }: Pick<IngestDeps, "store">,
  seriesId: string,
): Promise<Scale> {
  const state = await currentSeries(store, seriesId);
  return state.status === "absent" ? { price: 0, volume: 0, quote: 0 } : state.scale;
}

/** Writes a filed period again at the series' scale; does nothing when its file is as wide. */
export async function rescalePeriod(
  deps: IngestDeps,
  run: IngestRun,
  place: { readonly period: string; readonly scale: Scale },
): Promise<void> {
  // Whoever came first may have gone by a narrower scale.
  await untilDecided(() => rescale(deps, run, place), run.signal);
}

async function rescale(
  deps: IngestDeps,
  run: IngestRun,
  { period, scale }: { period: string; scale: Scale },
): Promise<void> {
  const { seriesId, actor } = run;
  const current = await currentPeriod(deps, { seriesId, period });
  const { version, row } = current;
  if (row?.fileSha256 === undefined || row.fileSha256 === null || !isNarrower(row, scale)) return;
  const old = await deps.blobs.local(row.fileSha256, { anew: true });
  try {
    const { facts, blob } = await withWorkPath(deps.workspace, async (path) => {
      const facts = await deps.lake.rescale(old.path, scale, path);
      const before = await deps.lake.describe(old.path);
      return { facts, blob: await verifiedBlob(deps, { path, facts: before, seriesId, period }) };
    });
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
  { priceScale, volumeScale, quoteScale }: KlinePeriodRow,
  scale: Scale,
): boolean {
  return isSmallerScale({ price: priceScale, volume: volumeScale, quote: quoteScale }, scale);
}
