import { crawlLive } from "@/cron/crawl_live.ts";
import { SeriesCrawlsFailed } from "@/cron/crawl_failures.ts";
import type { JobReport } from "@/cron/job.ts";
import { decideSeries } from "@/cron/series_commands.ts";
import { createVenueBreakers } from "@/cron/venue_breakers.ts";
import { type Interval, nextSlot, slotEnd, slotFrom } from "@/domain/klines/interval.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import type { SeriesCommand } from "@/domain/series.ts";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import { trusted } from "@/events/trust.ts";
import { candle, utc } from "./candles.ts";
import { type CrawlHouse, exchangesOf } from "./crawl_house.ts";
import { leapingClock } from "./fake_clock.ts";
import { jobRun } from "./job_run.ts";
import { type TableExchange, tableExchange, type TableOptions } from "./table_exchange.ts";

export const MINUTE = 60_000;
const WINDOW = 5 * MINUTE;
export const LIVE_START = utc("2024-03-31T12:00:30");

export interface LiveSceneOptions extends Pick<TableOptions, "lagMs" | "fault"> {
  readonly interval?: Interval;
  readonly offset?: number;
  /** Another instance moves the read models, and tells nobody which events they show. */
  readonly movedElsewhere?: boolean;
}

let venues = 0;

export interface LiveScene {
  readonly clock: Clock;
  readonly venue: TableExchange;
  readonly other: TableExchange;
  /** How long after its close each candle of the venue was stored. */
  readonly delays: readonly number[];
  watch(symbol: string, exchange?: string): Promise<SeriesRef>;
  run(signal: AbortSignal): Promise<JobReport>;
  /** So many runs, each from where its window begins; what the last one reports, or fails with. */
  runs(count: number): Promise<JobReport>;
  /** Leaves no watched series to the next test. */
  stop(): Promise<void>;
}

/** Two venues of its own with candles without end, followed window by window. */
export function openLiveScene(house: CrawlHouse, options: LiveSceneOptions): LiveScene {
  const { interval = "1m", offset = 0, movedElsewhere = false, ...table } = options;
  const clock = leapingClock(LIVE_START);
  const candles = [];
  for (
    let t = slotFrom(interval, LIVE_START - 10 * MINUTE);
    candles.length < 3000;
    t = nextSlot(interval, t)
  ) {
    candles.push(candle({ openTime: t }));
  }
  const now = () => clock.now() + offset;
  const venue = tableExchange({ id: `venue${++venues}`, candles, now, ...table });
  const other = tableExchange({ id: `${venue.id}b`, candles, now, ...table });
  const exchanges = exchangesOf(venue, other);
  const crawling = house.crawling(exchanges, { clock, historyStart: LIVE_START - 5 * MINUTE });
  const { projections } = crawling;
  const deps = movedElsewhere
    ? {
      ...crawling,
      projections: {
        ...projections,
        onApplied: (listener: (events: undefined) => void) =>
          projections.onApplied(() => listener(undefined)),
      },
    }
    : crawling;
  const delays: number[] = [];
  const unsubscribe = house.house.store.subscribe((events) => {
    for (const { type, data } of trusted<KlineEvent[]>(events)) {
      if (type !== "KlinesRecorded" || !data.seriesId.startsWith(`${venue.id}.`)) continue;
      for (const [openTime] of data.candles) delays.push(clock.now() - slotEnd(interval, openTime));
    }
  });
  const job = crawlLive(deps, createVenueBreakers({ clock, exchanges }));
  const watched: SeriesRef[] = [];
  return {
    ...{ clock, venue, other, delays },
    async stop() {
      unsubscribe();
      for (const series of watched) {
        await decideFor(house, { type: "UnwatchSeries", data: { seriesId: seriesId(series) } });
      }
    },
    async watch(symbol: string, exchange = venue.id): Promise<SeriesRef> {
      const series = { exchange, symbol, interval };
      const id = seriesId(series);
      await decideFor(house, {
        type: "AddSeries",
        data: { seriesId: id, exchange, symbol, interval, simulated: false },
      });
      await decideFor(house, { type: "WatchSeries", data: { seriesId: id, historyStart: null } });
      watched.push(series);
      return series;
    },
    async runs(count: number): Promise<JobReport> {
      let report: JobReport = {};
      for (let i = 0; i < count; i++) {
        const { signal } = new AbortController();
        report = await job.run(jobRun({ signal, progress: silentProgress })).catch(
          (error: unknown) => {
            if (error instanceof SeriesCrawlsFailed) return { ...error.report, error };
            throw error;
          },
        );
        await clock.sleep(WINDOW - clock.now() % WINDOW);
      }
      return report;
    },
    run: (signal: AbortSignal) => job.run(jobRun({ signal, progress: silentProgress })),
  };
}

export async function decideFor(
  { house: { store, follower } }: CrawlHouse,
  command: SeriesCommand,
): Promise<void> {
  await decideSeries(store, command, { actor: "test", commandId: crypto.randomUUID() });
  await follower.waitFor(await store.head());
}
