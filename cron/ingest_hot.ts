import type { KlinePeriodCommand } from "@/domain/kline_period.ts";
import { type Candle, toRow } from "@/domain/klines/candle.ts";
import { compareCandles } from "@/domain/klines/compare.ts";
import { slotRanges, subtractRanges } from "@/domain/klines/coverage.ts";
import { hotCandles } from "@/projections/hot_rows.ts";
import type { IngestDeps, IngestRun, PartOutcome } from "./ingest_run.ts";
import type { PeriodDeps } from "./period_deps.ts";
import { isCold } from "./ingest_period.ts";
import { currentPeriod, decidePeriod, type PeriodState, shownPeriod } from "./period_state.ts";
import { inTurn } from "./period_turn.ts";

interface HotPart {
  readonly period: string;
  /** Valid, ascending, unique. */
  readonly candles: readonly Candle[];
}

/** The live path: a few candles, compared in memory, inside the event. Answers `cold` for a filed period. */
export async function ingestHotCandles(
  deps: PeriodDeps,
  run: IngestRun,
  part: HotPart,
): Promise<PartOutcome | "cold"> {
  let attempts = 0;
  return await inTurn(deps, run, {
    period: part.period,
    attempt: (commandId) => attempt(deps, run, { ...part, commandId, isFirst: attempts++ === 0 }),
  });
}

async function attempt(
  deps: IngestDeps,
  run: IngestRun,
  part: HotPart & { commandId: string; isFirst: boolean },
): Promise<PartOutcome | "cold"> {
  const { period, candles, commandId, isFirst } = part;
  const { seriesId, series: { interval }, source, overwrite = false, actor } = run;
  const shown = isFirst ? await shownPeriod(deps, { seriesId, period }) : undefined;
  const state = shown ?? await currentPeriod(deps, { seriesId, period });
  if (isCold(run, state, { period, hotDays: deps.hotDays })) return "cold";
  const range = { from: candles.at(0)?.openTime ?? 0, to: (candles.at(-1)?.openTime ?? 0) + 1 };
  const held = mayHold(state, range) ? await hotCandles(deps.database, { seriesId, ...range }) : [];
  const { fresh, revised, unchanged, heldBetter } = compareCandles(candles, held, {
    source,
    overwrite,
  });
  const counts = { ingested: fresh.length, revised: revised.length, unchanged, heldBetter };
  if (fresh.length + revised.length === 0) {
    // No append says whether the read models were behind: what they show may be gone or revised.
    if (shown !== undefined) return await attempt(deps, run, { ...part, isFirst: false });
    return { ...counts, position: 0 };
  }
  const changed = [...fresh, ...revised].sort((a, b) => a.openTime - b.openTime);
  const slots = (rows: readonly Candle[]) => slotRanges(rows.map((c) => c.openTime), interval);
  const command: KlinePeriodCommand = {
    type: "RecordKlines",
    data: {
      ...{ seriesId, period, source, ...counts },
      from: changed[0]?.openTime ?? range.from,
      to: (changed.at(-1)?.openTime ?? range.from) + 1,
      added: [...subtractRanges(slots(fresh), state.state.held)],
      candles: changed.map(toRow),
      blob: null,
    },
  };
  const position = await decidePeriod(deps.store, state, { command, actor, commandId });
  return { ...counts, position };
}

/** Live candles lie behind everything that is held: there is nothing to compare them with. */
function mayHold({ row }: PeriodState, { from, to }: { from: number; to: number }): boolean {
  if (row === undefined || row.firstOpenTime === null || row.lastOpenTime === null) return false;
  return from <= row.lastOpenTime && to > row.firstOpenTime;
}
