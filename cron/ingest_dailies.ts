import type { Candle } from "@/domain/klines/candle.ts";
import { slotEnd } from "@/domain/klines/interval.ts";
import { finalAt, SINA } from "@/domain/klines/market_calendar.ts";
import { seriesId, seriesRef } from "@/domain/klines/series_ref.ts";
import { validateRow } from "@/domain/klines/validate.ts";
import type { KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { SourceSeries } from "@/domain/ports/market_source.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { FEW_CANDLES } from "./crawl_basket.ts";

/** Ids of refused bars derive from what they are. */
const REFUSED = "0b6c2f57-4a0e-5b1d-9f0e-5d7c8a3e61b2";

export interface DailiesRun {
  readonly actor: string;
  /** Derives the ids of everything recorded: a repeat finds what was recorded before. */
  readonly commandId: string;
  /** Epoch ms. */
  readonly now: number;
  readonly signal?: AbortSignal | undefined;
}

/** In candles. */
export interface DailiesReport {
  readonly series: number;
  /** Stored: new ones and changed ones. */
  readonly rows: number;
  readonly ingested: number;
  readonly revised: number;
  readonly unchanged: number;
  readonly heldBetter: number;
  readonly rejected: number;
  /** Sent for a day whose session is not over yet. */
  readonly notClosed: number;
  /** Sent for days on which the market was closed; not kept. */
  readonly offCalendar: number;
}

/**
 * Keeps the dailies of the source `sina` as candles of the exchange `sina`. Series that are new are not
 * watched: nobody but their source can be asked for them.
 */
export async function ingestDailies(
  ingest: Pick<KlineIngest, "ingestCandles">,
  series: readonly SourceSeries[],
  { actor, commandId, now, signal }: DailiesRun,
): Promise<DailiesReport> {
  const report = {
    ...{ series: series.length, rows: 0, ingested: 0, revised: 0, unchanged: 0, heldBetter: 0 },
    ...{ rejected: 0, notClosed: 0, offCalendar: 0 },
  };
  for (const { symbol, interval, candles, offCalendar } of series) {
    const ref = seriesRef(SINA, symbol, interval);
    const closed = candles.filter(({ openTime }) => finalAt(ref, openTime) <= now);
    report.notClosed += candles.length - closed.length;
    report.offCalendar += offCalendar.length;
    for (const few of inPieces(closed)) {
      signal?.throwIfAborted();
      // A final bar counts as closed, though its slot goes on until midnight.
      const end = few.reduce(
        (end, { openTime }) => Math.max(end, slotEnd(interval, openTime)),
        now,
      );
      const isSound = (one: Candle) => typeof validateRow(one, { interval, now: end }) !== "string";
      const { sound = [], unsound = [] } = Object.groupBy(
        few,
        (one) => isSound(one) ? "sound" : "unsound",
      );
      const piece = `dailies/${seriesId(ref)}/${few[0]?.openTime}`;
      const parts = [
        { candles: sound, commandId: uuidV5(commandId, piece) },
        // Whole histories come again each day: what is refused is recorded the first time alone.
        { candles: unsound, commandId: uuidV5(REFUSED, JSON.stringify([seriesId(ref), unsound])) },
      ];
      for (const part of parts) {
        if (part.candles.length === 0) continue;
        const outcome = await ingest.ingestCandles(ref, part.candles, {
          ...{ source: "exchange", actor, signal, now: end, commandId: part.commandId },
        });
        report.ingested += outcome.ingested;
        report.revised += outcome.revised;
        report.unchanged += outcome.unchanged;
        report.heldBetter += outcome.heldBetter;
        report.rejected += outcome.rejectedTotal;
      }
    }
  }
  return { ...report, rows: report.ingested + report.revised };
}

/** A source sends whole histories; an event holds a few candles. */
function inPieces(candles: readonly Candle[]): Candle[][] {
  const pieces: Candle[][] = [];
  for (let at = 0; at < candles.length; at += FEW_CANDLES) {
    pieces.push(candles.slice(at, at + FEW_CANDLES));
  }
  return pieces;
}
