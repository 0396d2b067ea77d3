import type { ArchiveDeps } from "@/cron/archive/archive_deps.ts";
import { archiveWished } from "@/cron/archive/archive_service.ts";
import { crawlSeries } from "@/cron/crawl_series.ts";
import type { CrawlDeps } from "@/cron/crawl_deps.ts";
import { findOrphans } from "@/cron/find_orphans.ts";
import type { Job } from "@/cron/job.ts";
import { ensureSeries } from "@/cron/series_commands.ts";
import { slotEnd } from "@/domain/klines/interval.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { formatSeries, seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type {
  CrawlRequest,
  HeldSeries,
  Installation,
  PageQuery,
  Work,
} from "@/domain/ports/installation.ts";
import type { KlineReader } from "@/domain/ports/kline_reader.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import type { SqlEventStore } from "@/events/store/sql_store.ts";
import type { Follower } from "@/projections/follower.ts";
import type { SeriesQueries, SeriesView } from "@/projections/series_queries.ts";
import { guardSimulated } from "./guard_simulated.ts";

/** The parts of a data directory that this process has opened. */
export interface OpenData {
  readonly store: SqlEventStore;
  readonly follower: Follower;
  readonly series: SeriesQueries;
  readonly reader: KlineReader;
  readonly blobs: Pick<Blobs, "list">;
  readonly crawling: CrawlDeps;
  readonly archiving: ArchiveDeps;
  readonly scheduled: readonly Job[];
}

/** How long a command waits for read models that were behind when it began. */
const CATCH_UP_MS = 600_000;

/** The installation of a data directory that this process has opened itself. */
export function openInstallation(data: OpenData): Installation {
  const { store, follower, series, reader, crawling, archiving, scheduled } = data;
  const { exchanges, ingest, clock } = crawling;
  const isSimulated = (exchange: string) => exchanges.isSimulated(exchange);

  /** A command reads its own writes, however far behind the read models were. */
  async function catchUp(): Promise<void> {
    await follower.waitFor(await store.head(), CATCH_UP_MS);
  }

  async function addSeries(ref: SeriesRef): Promise<HeldSeries> {
    await guardSimulated(series, isSimulated, ref);
    const doer = { actor: "command:import", commandId: crypto.randomUUID() };
    await ensureSeries({ store, isSimulated }, ref, doer);
    await catchUp();
    const view = await series.find(seriesId(ref));
    return toHeld(view ?? selectSeries(await series.list(), ref));
  }

  /** The venue names the symbol; the series is added with its first candles. */
  async function crawl({ series: asked, ...request }: CrawlRequest, work: Work) {
    await guardSimulated(series, isSimulated, asked);
    const venue = await exchanges.get(asked.exchange);
    const symbol = await venue.resolveSymbol(asked.symbol, work.signal);
    const wanted = { ...request, series: { ...asked, symbol }, mode: "all" } as const;
    return { ...await crawlSeries(crawling, wanted, { ...work, actor: "command:crawl" }) };
  }

  async function readPage(query: PageQuery, signal: AbortSignal) {
    const stored = selectSeries(await series.list(), query.series);
    const { from, to, limit, format } = query;
    const page = await reader.read({
      ...{ seriesId: stored.id, stored: stored.interval, interval: query.series.interval },
      ...{ start: from, end: to, limit, format },
      ...{ order: "asc", fill: "none", partial: false, numbers: "number" },
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
        ...{ source: "import", actor: "command:import", commandId: crypto.randomUUID() },
        ...{ overwrite, signal, progress },
      });
      progress.finish();
      const { position: _position, visible: _visible, ...counts } = outcome;
      return counts;
    },
    crawl,
    readPage,
    async projections() {
      return [...new Set((await follower.status()).map(({ name }) => name))];
    },
    async archive(wish, work) {
      await catchUp();
      const actor = "command:archive";
      return await archiveWished({ ...archiving, series }, wish, { ...work, actor });
    },
    rebuild: (name, work) => follower.rebuild(name, work),
    jobs: () => scheduled.map(({ name }) => name),
    async runJob(name, work) {
      return await scheduled.find((job) => job.name === name)?.run(work) ?? {};
    },
    orphans: () =>
      findOrphans({
        ...{ blobs: data.blobs, referenced: store.blobReferences(), now: new Date(clock.now()) },
      }),
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
