import { type ImportCounts, NOTHING_IMPORTED } from "@/domain/klines/import_counts.ts";
import { slotEnd } from "@/domain/klines/interval.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import { formatSeries, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { ArchiveWish } from "@/domain/ports/archive.ts";
import type {
  CandlePage,
  Counts,
  CrawlRequest,
  HeldSeries,
  ImportRequest,
  Installation,
  Orphan,
  PageQuery,
} from "@/domain/ports/installation.ts";

const HEADER = "open_time,open,high,low,close,volume,close_time";

/** A small installation in memory: what commands asked of it, and candles to read. */
export class MemoryInstallation implements Installation {
  place: Installation["place"] = "here";
  readonly asked: unknown[] = [];
  readonly candles = new Map<string, { series: SeriesRef; openTimes: number[] }>();
  result: Counts = {};
  failure: Error | undefined;

  hold(series: SeriesRef, openTimes: number[]): void {
    this.candles.set(formatSeries(series), { series, openTimes });
  }

  addSeries(series: SeriesRef): Promise<HeldSeries> {
    const name = formatSeries(series);
    if (!this.candles.has(name)) this.candles.set(name, { series, openTimes: [] });
    return this.findSeries(series);
  }

  findSeries(wanted: SeriesRef): Promise<HeldSeries> {
    const { series, openTimes } = this.#select(wanted);
    const [first, last] = [openTimes[0], openTimes.at(-1)];
    return Promise.resolve({
      id: formatSeries(series),
      series,
      simulated: series.exchange === "simulated",
      candles: openTimes.length,
      range: first === undefined || last === undefined
        ? undefined
        : [first, slotEnd(series.interval, last)],
    });
  }

  async importFiles(request: ImportRequest): Promise<ImportCounts> {
    await this.#note({ importFiles: request });
    return { ...NOTHING_IMPORTED, ingested: request.files.length };
  }

  crawl(request: CrawlRequest): Promise<Counts> {
    return this.#note({ crawl: request });
  }

  readPage({ series, stored, from, to, limit }: PageQuery): Promise<CandlePage> {
    const held = this.candles.get(formatSeries({ ...series, interval: stored }));
    const openTimes = held?.openTimes ?? [];
    const inside = openTimes.filter((time) => time >= from && time < to);
    const page = inside.slice(0, limit);
    const lines = page.map((time) => `${time},1,2,0.5,1.50,0.00000001,${time + 59_999}`);
    return Promise.resolve({
      bytes: new TextEncoder().encode([HEADER, ...lines, ""].join("\n")),
      rows: page.length,
      next: inside.length > page.length ? (page.at(-1) ?? 0) + 1 : undefined,
    });
  }

  projections(): Promise<readonly string[]> {
    return Promise.resolve(["klines", "series"]);
  }

  rebuild(name: string): Promise<Counts> {
    return this.#note({ rebuild: name });
  }

  archive(wish: ArchiveWish): Promise<Counts> {
    return this.#note({ archive: wish });
  }

  jobs(): Promise<readonly string[]> {
    return Promise.resolve(["klines-live", "klines"]);
  }

  runJob(name: string): Promise<Counts> {
    return this.#note({ runJob: name });
  }

  async orphans(): Promise<readonly Orphan[]> {
    await this.#note("orphans");
    return [{ sha256: "a".repeat(64), sizeBytes: 1_500_000, putAt: new Date(0) }];
  }

  #select(wanted: SeriesRef) {
    const all = [...this.candles.values()].map((held) => {
      return { ...held.series, ...held, candles: held.openTimes.length };
    });
    return selectSeries(all, wanted);
  }

  #note(what: unknown): Promise<Counts> {
    this.asked.push(what);
    return this.failure === undefined ? Promise.resolve(this.result) : Promise.reject(this.failure);
  }
}
