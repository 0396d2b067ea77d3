import { BlobCorrupt, BlobMissing, type LocalBlob } from "@/events/blobs/blobs.ts";
import type { KlineEvent, KlineRow } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import { SOURCE_RANK } from "@/domain/klines/candle.ts";
import type { GatheredCandles, GatherPart, Scale } from "@/domain/ports/lake.ts";
import { hotRowsText } from "@/projections/hot_rows.ts";
import type { KlinePeriodRow } from "@/projections/kline_periods.ts";
import { klineStream } from "../period_state.ts";
import type { ArchiveDeps, ArchivePlace } from "./archive_deps.ts";

type Deps = Pick<ArchiveDeps, "store" | "blobs" | "lake" | "database" | "log">;

interface Period extends ArchivePlace {
  readonly row: KlinePeriodRow;
  readonly scale: Scale;
}

/** A stream with more events is read faster as the rows they became. */
const MOST_EVENTS = 500;

/** Small enough that a reader who waits for the database's one connection hardly notices. */
const PAGE_ROWS = 1_000;

/** All candles of a period as it stands: out of the batches of a short stream, else out of its rows. */
export async function gatherPeriod(deps: Deps, period: Period): Promise<GatheredCandles> {
  if (period.row.streamVersion <= MOST_EVENTS) {
    try {
      return await fromBatches(deps, period);
    } catch (error) {
      if (!(error instanceof BlobMissing || error instanceof BlobCorrupt)) throw error;
      const { seriesId, period: name } = period;
      deps.log.error("a batch cannot be read: its rows are taken", {
        ...{ series: seriesId, period: name, error: error.message },
      });
    }
  }
  return await gatherRows(deps, period);
}

/** Out of the rows alone. */
export async function gatherRows(
  { lake, database }: Pick<Deps, "lake" | "database">,
  { seriesId, series: { interval }, row, scale }: Period,
): Promise<GatheredCandles> {
  const range = { seriesId, from: row.firstOpenTime ?? 0, to: (row.lastOpenTime ?? 0) + 1 };
  const rows = await hotRowsText(database, range, { pageRows: PAGE_ROWS });
  return await lake.gather({ parts: [{ kind: "rows", rows }], interval, scale });
}

async function fromBatches(
  { store, blobs, lake }: Deps,
  { seriesId, period, series: { interval }, row, scale }: Period,
): Promise<GatheredCandles> {
  const stream = klineStream(seriesId, period);
  const { events } = await store.readStream<KlineEvent>(stream, { limit: row.streamVersion });
  return await gatherSteps({ blobs, lake }, { steps: stepsOf(events), interval, scale });
}

/** Puts together what these steps make. Throws BlobMissing or BlobCorrupt. */
export async function gatherSteps(
  { blobs, lake }: Pick<Deps, "blobs" | "lake">,
  { steps, interval, scale }: {
    readonly steps: readonly GatherStep[];
    readonly interval: Interval;
    readonly scale: Scale;
  },
): Promise<GatheredCandles> {
  const lent: LocalBlob[] = [];
  try {
    const parts: GatherPart[] = [];
    for (const step of steps) {
      if (typeof step !== "string") {
        parts.push(step);
        continue;
      }
      const blob = await blobs.local(step, { anew: true });
      lent.push(blob);
      parts.push({ kind: "file", path: blob.path });
    }
    return await lake.gather({ parts, interval, scale });
  } finally {
    lent.forEach((blob) => blob.release());
  }
}

/** A blob by its name, or candles or a removal as they are. */
export type GatherStep = string | GatherPart;

/** What made the period what it is, oldest first: nothing from before a file matters. */
export function stepsOf(events: readonly Recorded<KlineEvent>[]): GatherStep[] {
  let steps: GatherStep[] = [];
  let inline = new Map<number, string>();
  const flush = () => {
    const rows = [...inline].sort(([a], [b]) => a - b).map(([, line]) => `${line}\n`).join("");
    if (rows !== "") steps.push({ kind: "rows", rows });
    inline = new Map();
  };
  for (const { type, data } of events) {
    switch (type) {
      case "KlinesRecorded": {
        const rank = SOURCE_RANK[data.source];
        for (const row of data.candles) inline.set(row[0], line(row, rank));
        if (data.blob !== null) {
          flush();
          steps.push(data.blob.sha256);
        }
        break;
      }
      case "KlinesArchived":
        inline = new Map();
        steps = [data.blob.sha256];
        break;
      case "KlinesDeleted":
        flush();
        if (data.blob === null) steps.push({ kind: "removal", range: [data.from, data.to] });
        else steps = [data.blob.sha256];
        break;
      case "KlinesFoundAbsent":
      case "HotRowsDropped":
      case "KlineBatchesCompacted":
        break;
    }
  }
  flush();
  return steps;
}

/** As the database writes hot rows. */
function line(row: KlineRow, rank: number): string {
  return [...row.map((value) => value ?? ""), rank].join(",");
}
