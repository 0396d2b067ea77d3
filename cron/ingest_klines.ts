import { CSV_HEADER, csvLines } from "@/domain/klines/candle_csv.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { Refusal } from "@/domain/decider.ts";
import { type Interval, slotIndex } from "@/domain/klines/interval.ts";
import { periodOf } from "@/domain/klines/period.ts";
import { formatSeries, seriesId as idOf, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { type Rejected, type RejectReason, validateBatch } from "@/domain/klines/validate.ts";
import type { IngestOptions, IngestOutcome, KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { StagedBatch, StageInput } from "@/domain/ports/lake.ts";
import { ingestHotCandles } from "./ingest_hot.ts";
import { ingestStagedPeriod } from "./ingest_period.ts";
import type { IngestDeps, IngestRun, PartOutcome } from "./ingest_run.ts";
import type { PeriodDeps } from "./period_deps.ts";
import { ensureSeries } from "./series_commands.ts";
import { recordRejected, type Rejection } from "./record_rejected.ts";
import { createKeyedTurns } from "./keyed_turns.ts";
import { createLateQueue } from "./late_queue.ts";
import { openScale } from "./widen_scale.ts";

/** Periods worked on at the same moment: the engine has two threads. */
const CONCURRENCY = 2;

/** The one way in for candles, whoever brings them. */
export function createKlineIngest(shared: IngestDeps): KlineIngest {
  const deps: PeriodDeps = { ...shared, turns: createKeyedTurns(), late: createLateQueue() };
  // What has once been added stays.
  const added = new Set<string>();

  function begin(series: SeriesRef, options: IngestOptions): IngestRun {
    return { ...options, series, seriesId: idOf(series), now: options.now ?? deps.clock.now() };
  }

  async function addOnce(run: IngestRun): Promise<void> {
    const name = formatSeries(run.series);
    if (!added.has(name)) await ensureSeries(deps, run.series, run);
    added.add(name);
  }

  return {
    async ingestFiles(series, files, options) {
      const run = begin(series, options);
      return await ingestFiles(deps, run, { files, accepted: () => addOnce(run) });
    },
    async ingestCandles(series, candles, options) {
      const run = begin(series, options);
      await addOnce(run);
      const { interval } = series;
      const batch = validateBatch(candles, { interval, now: run.now });
      const periods = Map.groupBy(batch.candles, ({ openTime }) => periodOf(interval, openTime));
      const rejected = await recordRejected(deps, run, rejection(candles, batch.rejected));
      const outcomes = [withRepeated(rejected, batch)];
      const cold: Candle[] = [];
      for (const [period, part] of periods) {
        const outcome = await ingestHotCandles(deps, run, { period, candles: part });
        if (outcome === "cold") cold.push(...part);
        else outcomes.push(outcome);
      }
      if (cold.length > 0) {
        const file = await deps.workspace.write(CSV_HEADER + csvLines(cold));
        try {
          const files = [{ path: file.path, format: "csv", gzip: false }] as const;
          outcomes.push(await ingestFiles(deps, run, { files, accepted: () => addOnce(run) }));
        } finally {
          await file.remove();
        }
      }
      return await settled(deps, outcomes);
    },
  };
}

async function ingestFiles(
  deps: PeriodDeps,
  run: IngestRun,
  { files, accepted }: Pick<StageInput, "files"> & {
    /** Files that are refused as a whole leave no trace. */
    readonly accepted: () => Promise<void>;
  },
): Promise<IngestOutcome> {
  const { series: { interval }, now, signal, progress } = run;
  const staged = await deps.lake.stage({ files, interval, now }, signal);
  try {
    refuseFiner(interval, staged);
    refuseCoarser(interval, staged);
    await accepted();
    progress?.total(staged.rows);
    progress?.advance(staged.rejectedTotal + staged.repeated);
    const rejected = withRepeated(await recordRejected(deps, run, staged), staged);
    const scale = openScale(deps, run, staged.scale);
    const outcomes = await eachPeriod(staged, async ({ period, rows }) => {
      signal?.throwIfAborted();
      const outcome = await ingestStagedPeriod(deps, run, { staged, period, scale });
      progress?.advance(rows);
      return outcome;
    });
    await scale.settle();
    return await settled(deps, [rejected, ...outcomes]);
  } finally {
    await staged.drop();
  }
}

/** More candles than slots are those of another interval: hard to get out again. */
function refuseFiner(interval: Interval, { periods }: StagedBatch): void {
  const [first, last] = [periods.at(0)?.firstOpenTime, periods.at(-1)?.lastOpenTime];
  if (first === undefined || last === undefined) return;
  const rows = periods.reduce((sum, period) => sum + period.rows, 0);
  const slots = slotIndex(interval, last) - slotIndex(interval, first) + 1;
  // Bars beside the grid are real, but few.
  if (rows <= MAX_A_SLOT * slots + SPARE_ROWS) return;
  throw new Refusal(
    "validation_error",
    `Cannot take these as ${interval} candles: ${rows} of them lie in ${slots} slots`,
  );
}

/** Candles of a larger interval would stand where those of its first minutes belong. */
function refuseCoarser(interval: Interval, { accepted, overlong, coarser }: StagedBatch): void {
  if (coarser !== undefined) {
    throw new Refusal(
      "validation_error",
      `Cannot take these as ${interval} candles: all ${accepted} open on the grid of ${coarser}, ` +
        `most of them ${coarser} apart; give their close times if they are ${interval} all the same`,
    );
  }
  // Venues have written odd close times now and then.
  if (accepted < LEAST_OVERLONG || overlong <= accepted / 2) return;
  throw new Refusal(
    "validation_error",
    `Cannot take these as ${interval} candles: ${overlong} of ${accepted} close later than that`,
  );
}

/** Of fewer candles nobody can tell whether their close times are odd. */
const LEAST_OVERLONG = 10;
const MAX_A_SLOT = 1.5;
const SPARE_ROWS = 10;

async function eachPeriod(
  { periods }: StagedBatch,
  work: (period: StagedBatch["periods"][number]) => Promise<PartOutcome>,
): Promise<PartOutcome[]> {
  const outcomes: PartOutcome[] = [];
  const waiting = periods.values();
  const lanes = Array.from({ length: Math.min(CONCURRENCY, periods.length) }, async () => {
    for (const period of waiting) outcomes.push(await work(period));
  });
  // Every lane ends before the first failure is thrown: nothing goes on behind the caller's back.
  const ended = await Promise.allSettled(lanes);
  for (const lane of ended) if (lane.status === "rejected") throw lane.reason;
  return outcomes;
}

async function settled(
  { projections, store }: IngestDeps,
  outcomes: readonly PartOutcome[],
): Promise<IngestOutcome> {
  const position = outcomes.reduce((last, o) => Math.max(last, o.position), 0) ||
    await store.head();
  const total = (key: "ingested" | "revised" | "unchanged" | "heldBetter" | "rejectedTotal") =>
    outcomes.reduce((sum, outcome) => sum + (outcome[key] ?? 0), 0);
  return {
    ingested: total("ingested"),
    revised: total("revised"),
    unchanged: total("unchanged"),
    heldBetter: total("heldBetter"),
    rejectedTotal: total("rejectedTotal"),
    rejected: outcomes.flatMap(({ rejected }) => rejected ?? []).slice(0, 100),
    position,
    visible: await projections.waitFor(position),
  };
}

/** Two files with the same candles bring nothing that was refused. */
function withRepeated(outcome: PartOutcome, { repeated }: { repeated: number }): PartOutcome {
  return { ...outcome, unchanged: outcome.unchanged + repeated };
}

function rejection(candles: readonly Candle[], rejected: readonly Rejected[]): Rejection {
  const reasons: Partial<Record<RejectReason, number>> = {};
  for (const { reason } of rejected) reasons[reason] = (reasons[reason] ?? 0) + 1;
  return {
    rejectedTotal: rejected.length,
    reasons,
    rejected: rejected.map(({ row, reason }) => ({
      row,
      reason,
      values: JSON.stringify(candles[row - 1] ?? null),
    })),
  };
}
