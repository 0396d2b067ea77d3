import { ensureSeries } from "@/cron/series_commands.ts";
import { slotEnd } from "@/domain/klines/interval.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { formatSeries, seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type {
  Counts,
  CrawlRequest,
  HeldSeries,
  Installation,
  Orphan,
  PageQuery,
  Work,
} from "@/domain/ports/installation.ts";
import type { KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { KlineReader } from "@/domain/ports/kline_reader.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { Projections } from "@/projections/define.ts";
import type { SeriesQueries, SeriesView } from "@/projections/series_queries.ts";
import { guardSimulated } from "./guard_simulated.ts";

/** The parts of a data directory that this process has opened. */
export interface OpenData {
  readonly store: EventStore;
  readonly series: SeriesQueries;
  readonly ingest: KlineIngest;
  readonly reader: KlineReader;
  readonly projections: Projections;
  /** Venues whose candles are made up. */
  readonly isSimulated: (exchange: string) => boolean;
  /** Waits until the read models know what the log holds. */
  readonly catchUp: () => Promise<void>;
  readonly crawl: (request: CrawlRequest, work: Work) => Promise<Counts>;
  readonly rebuild: (projection: string, work: Work) => Promise<Counts>;
  readonly jobs: ReadonlyMap<string, (work: Work) => Promise<Counts>>;
  readonly orphans: (work: Work) => Promise<readonly Orphan[]>;
  readonly close: () => Promise<void>;
}

/** The installation of a data directory that nobody else has open. */
export function openInstallation(data: OpenData): Installation {
  const { store, series, ingest, reader, projections, isSimulated } = data;

  async function addSeries(ref: SeriesRef): Promise<HeldSeries> {
    await guardSimulated(series, isSimulated, ref);
    const commandId = crypto.randomUUID();
    await ensureSeries({ store, isSimulated }, ref, { actor: "command:import", commandId });
    await data.catchUp();
    const view = await series.find(seriesId(ref));
    return toHeld(view ?? selectSeries(await series.list(), ref));
  }

  async function readPage(query: PageQuery, signal: AbortSignal) {
    const stored = selectSeries(await series.list(), query.series);
    const page = await reader.read({
      seriesId: stored.id,
      stored: stored.interval,
      interval: query.series.interval,
      start: query.from,
      end: query.to,
      limit: query.limit,
      order: "asc",
      fill: "none",
      partial: false,
      format: query.format,
      numbers: "number",
    }, signal);
    const { bytes, rows, lastOpenTime, more } = page;
    return { bytes, rows, next: more && lastOpenTime !== undefined ? lastOpenTime + 1 : undefined };
  }

  return {
    place: "here",
    addSeries,
    findSeries: async (asked) => toHeld(selectSeries(await series.list(), asked)),
    async importFiles({ series: ref, files, overwrite }, { signal, progress }) {
      progress.start(`import ${formatSeries(ref)}`, { unit: "candles" });
      const outcome = await ingest.ingestFiles(ref, files, {
        source: "import",
        actor: "command:import",
        commandId: crypto.randomUUID(),
        overwrite,
        signal,
        progress,
      });
      progress.finish();
      const { position: _position, visible: _visible, ...counts } = outcome;
      return counts;
    },
    async crawl(request, work) {
      await guardSimulated(series, isSimulated, request.series);
      return await data.crawl(request, work);
    },
    readPage,
    async projections() {
      return [...new Set((await projections.status()).map(({ name }) => name))];
    },
    rebuild: data.rebuild,
    jobs: () => [...data.jobs.keys()],
    async runJob(name, work) {
      return await data.jobs.get(name)?.(work) ?? {};
    },
    orphans: data.orphans,
    close: data.close,
  };
}

function toHeld(view: SeriesView): HeldSeries {
  const { id, exchange, symbol, interval, simulated, candles } = view;
  const { firstOpenTime, lastOpenTime } = view;
  const range = firstOpenTime === null || lastOpenTime === null
    ? undefined
    : [firstOpenTime, slotEnd(interval, lastOpenTime)] satisfies HeldSeries["range"];
  return { id, series: { exchange, symbol, interval }, simulated, candles, range };
}
