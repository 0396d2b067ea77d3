import { csvLines } from "@/domain/klines/candle_csv.ts";
import { Refusal } from "@/domain/decider.ts";
import {
  badNumber,
  type CandlePoint,
  type Precision,
  readCandlePoint,
} from "@/domain/influx/candle_point.ts";
import { LineError, parseLine } from "@/domain/influx/line_protocol.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { IngestOptions, IngestOutcome } from "@/domain/ports/kline_ingest.ts";
import type { AppDeps } from "./app_deps.ts";
import type { Line } from "./influx_lines.ts";
import { eachInLanes, type Lanes } from "./lanes.ts";
import { refuseMixture } from "./watch_series.ts";

type Deps =
  & Pick<AppDeps, "ingest" | "spool" | "venues" | "settings" | "clock" | "signal">
  & {
    /** Series written at one moment, by whatever requests: their appends share commits. */
    readonly lanes: Lanes;
  };

export interface WriteOptions {
  readonly precision: Precision;
  /** For lines that name none. */
  readonly exchange: string | undefined;
  readonly actor: string;
}

/** A line that was not kept, and why. */
export interface Dropped {
  readonly line: number;
  readonly reason: string;
}

/** Points of one series; of equal open times the last one counts, as at InfluxDB. */
interface Group {
  readonly series: SeriesRef;
  readonly points: Map<number, { readonly line: number; readonly candle: Candle }>;
}

/** More go through a file. */
const MOST_AS_VALUES = 256;
/** Reasons kept; the rest is counted. */
const MOST_REASONS = 100;

/** Keeps the candles of the lines and tells which lines it did not keep, ascending. */
export async function ingestLines(
  deps: Deps,
  lines: AsyncIterable<Line>,
  options: WriteOptions,
): Promise<{ readonly total: number; readonly dropped: readonly Dropped[] }> {
  const groups = new Map<string, Group>();
  const dropped: Dropped[] = [];
  let total = 0;
  const drop = (line: number, reason: string) => {
    total++;
    if (dropped.length < MOST_REASONS) dropped.push({ line, reason });
  };
  let venues: ReadonlySet<string> | undefined;
  for await (const { number, text } of lines) {
    try {
      const point = parseLine(text);
      if (point === undefined) continue;
      const read = readCandlePoint(point, options);
      venues ??= new Set(await deps.venues.ids());
      if (!venues.has(read.series.exchange)) throw unknownVenue(read.series.exchange);
      collect(groups, number, read);
    } catch (error) {
      if (!(error instanceof LineError || error instanceof Refusal)) throw error;
      drop(number, `unable to parse '${shortened(text)}': ${error.message}`);
    }
  }
  await eachInLanes(
    deps.lanes,
    groups.values(),
    (group) => ingestGroup(deps, group, { options, drop }),
  );
  return { total, dropped: dropped.toSorted((a, b) => a.line - b.line) };
}

/** A slip of the pen must not found a venue. */
function unknownVenue(id: string): LineError {
  return new LineError(`unknown exchange ${id}: venues have ccxt's names, e.g. binance or okx`);
}

function collect(
  groups: Map<string, Group>,
  line: number,
  { series, candle }: CandlePoint,
): void {
  const id = seriesId(series);
  const group = groups.get(id) ?? { series, points: new Map() };
  groups.set(id, group);
  // Last in the batch too, so that rows keep the order of their lines.
  group.points.delete(candle.openTime);
  group.points.set(candle.openTime, { line, candle });
}

async function ingestGroup(
  deps: Deps,
  { series, points }: Group,
  { options: { actor }, drop }: {
    readonly options: WriteOptions;
    readonly drop: (line: number, reason: string) => void;
  },
): Promise<void> {
  const rows = [...points.values()];
  const { clock, signal, venues, settings } = deps;
  const how = {
    ...{ source: "api", actor, commandId: crypto.randomUUID(), isNew: true } as const,
    ...{ now: clock.now(), signal },
  };
  try {
    refuseMixture(venues.isSimulated(series.exchange), settings.simulated);
    const candles = rows.map(({ candle }) => candle);
    const { rejected, rejectedTotal } = candles.length <= MOST_AS_VALUES
      ? await deps.ingest.ingestCandles(series, candles, how)
      : await ingestFile(deps, { series, candles }, how);
    for (const { row, reason } of rejected) {
      const { line = 0, candle } = rows[row - 1] ?? {};
      const why = reason === "bad_number" && candle !== undefined && badNumber(candle);
      drop(line, why ? `${reason}: ${why}` : reason);
    }
    for (let more = rejected.length; more < rejectedTotal; more++) drop(0, "more like these");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    for (const { line } of rows) drop(line, error.message);
  }
}

async function ingestFile(
  { spool, ingest }: Deps,
  { series, candles }: { readonly series: SeriesRef; readonly candles: readonly Candle[] },
  how: IngestOptions,
): Promise<IngestOutcome> {
  const body = new Blob([csvLines(candles)]).stream();
  const size = { maxSentBytes: Infinity, maxUnpackedBytes: Infinity };
  const file = await spool.write(body, { ...size, extension: "csv", gzip: false });
  try {
    const files = [{ path: file.path, format: "csv", gzip: false }] as const;
    return await ingest.ingestFiles(series, files, how);
  } finally {
    await file.remove();
  }
}

function shortened(text: string): string {
  return (text.length > 80 ? `${text.slice(0, 80)}…` : text).toWellFormed();
}
