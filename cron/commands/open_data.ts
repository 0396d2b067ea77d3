import type { ArchiveDeps } from "@/cron/archive/archive_deps.ts";
import { archiveWished } from "@/cron/archive/archive_service.ts";
import { crawlSeries } from "@/cron/crawl_series.ts";
import type { CrawlDeps } from "@/cron/crawl_deps.ts";
import { findOrphans } from "@/cron/find_orphans.ts";
import type { Supervisor } from "@/cron/supervise/supervisor.ts";
import { Refusal } from "@/domain/decider.ts";
import { slotEnd } from "@/domain/klines/interval.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { formatSeries, seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type {
  CrawlRequest,
  HeldSeries,
  ImportRequest,
  ImportWork,
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
import { guardVenue } from "./venues.ts";

/** The parts of a data directory that this process has opened. */
export interface OpenData {
  readonly store: SqlEventStore;
  readonly follower: Follower;
  readonly series: SeriesQueries;
  readonly reader: KlineReader;
  readonly blobs: Pick<Blobs, "list">;
  readonly crawling: CrawlDeps;
  readonly archiving: ArchiveDeps;
  readonly supervisor: Pick<Supervisor, "list" | "runToEnd">;
}

/** How long a command waits for read models that were behind when it began. */
const CATCH_UP_MS = 600_000;

/** What a failed import may spend on telling what it kept. */
const TELL_MS = 5_000;

/** The installation of a data directory that this process has opened itself. */
export function openInstallation(data: OpenData): Installation {
  const { store, follower, series, reader, crawling, archiving, supervisor } = data;
  const { exchanges, ingest, clock } = crawling;
  const isSimulated = (exchange: string) => exchanges.isSimulated(exchange);

  /** A command sees all that was ever acknowledged, however far behind the read models were. */
  async function catchUp(): Promise<void> {
    if (await follower.waitFor(await store.head(), CATCH_UP_MS)) return;
    throw new AdapterError("Cannot read all candles yet: the read models are catching up", {
      port: "projections",
      op: "catch up",
      retryable: true,
      hint: "Run it again; where it stays like that, rebuild --all says what is wrong",
    });
  }

  /** A new one is added with its first candles: files that are refused leave no trace of it. */
  async function addSeries(ref: SeriesRef): Promise<HeldSeries> {
    await guardSimulated(series, isSimulated, ref);
    await catchUp();
    const id = seriesId(ref);
    const view = await series.find(id);
    if (view !== undefined) return toHeld(view);
    await guardVenue(exchanges, ref.exchange);
    const simulated = isSimulated(ref.exchange);
    return { id, series: ref, simulated, candles: 0, range: undefined };
  }

  async function candlesOf(ref: SeriesRef): Promise<number> {
    return (await series.find(seriesId(ref)))?.candles ?? 0;
  }

  /** Undefined when the read models do not catch up soon. */
  async function addedSince(ref: SeriesRef, before: number): Promise<number | undefined> {
    const seen = await follower.waitFor(await store.head(), TELL_MS);
    return seen ? await candlesOf(ref) - before : undefined;
  }

  async function importFiles(
    { series: ref, files, overwrite }: ImportRequest,
    { signal, progress, added }: ImportWork,
  ) {
    const before = await candlesOf(ref);
    progress.start(`import ${formatSeries(ref)}`, { unit: "candles" });
    try {
      const { position: _position, visible: _visible, ...counts } = await ingest.ingestFiles(
        ref,
        files,
        {
          ...{ source: "import", actor: "command:import", commandId: crypto.randomUUID() },
          ...{ overwrite, signal, progress },
        },
      );
      progress.finish();
      added(counts.ingested);
      const rejected = counts.rejected.map((row) => ({ ...row, values: asWritten(row.values) }));
      return { ...counts, rejected };
    } catch (error) {
      // What failed may be what would answer: then nobody can tell.
      added(signal.aborted ? undefined : await addedSince(ref, before).catch(() => undefined));
      throw unreadable(error) ?? error;
    }
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
    const { stored, from, to, limit, format } = query;
    const page = await reader.read({
      ...{ seriesId: seriesId({ ...query.series, interval: stored }), stored },
      interval: query.series.interval,
      ...{ start: from, end: to, limit, format },
      ...{ order: "asc", fill: "none", partial: false, numbers: "number" },
    }, signal);
    const { bytes, rows, lastOpenTime, more } = page;
    return { bytes, rows, next: more && lastOpenTime !== undefined ? lastOpenTime + 1 : undefined };
  }

  return {
    place: "here",
    addSeries,
    async findSeries(asked) {
      // A file that was exported a moment after an import would lack candles otherwise.
      await catchUp();
      return toHeld(selectSeries(await series.list(), asked));
    },
    importFiles,
    crawl,
    readPage,
    async projections() {
      return [...new Set((await follower.status()).map(({ name }) => name))];
    },
    async archive(wish, work) {
      await catchUp();
      const actor = "command:archive";
      return await archiveWished({ ...archiving, series, supervisor }, wish, { ...work, actor });
    },
    rebuild: (name, work) => follower.rebuild(name, work),
    jobs: () => Promise.resolve(supervisor.list().map(({ name }) => name)),
    runJob: (name, work) => supervisor.runToEnd(name, { ...work, actor: "command:job" }),
    orphans: () =>
      findOrphans({
        ...{ blobs: data.blobs, referenced: store.blobReferences(), now: new Date(clock.now()) },
      }),
  };
}

/** The engine tells all columns, also those that the file does not have. */
function asWritten(values: string | undefined): string | undefined {
  return values?.replace(/,+$/, "");
}

/** A file that the engine cannot read, ever, is the fault of who named it; so says the API, too. */
function unreadable(error: unknown): Refusal | undefined {
  const isFile = error instanceof AdapterError && error.port === "lake" && !error.retryable &&
    error.op.startsWith("stage");
  if (!isFile) return undefined;
  return new Refusal("validation_error", `Cannot read the candles: ${error.message}`);
}

function toHeld(view: SeriesView): HeldSeries {
  const { id, exchange, symbol, interval, simulated, candles } = view;
  const { firstOpenTime, lastOpenTime } = view;
  const range = firstOpenTime === null || lastOpenTime === null
    ? undefined
    : [firstOpenTime, slotEnd(interval, lastOpenTime)] satisfies HeldSeries["range"];
  return { id, series: { exchange, symbol, interval }, simulated, candles, range };
}
