import type { CrawlDeps } from "@/cron/crawl_deps.ts";
import { crawlSeries } from "@/cron/crawl_series.ts";
import { createOpenCandles } from "@/cron/open_candles.ts";
import { Refusal } from "@/domain/decider.ts";
import { seriesId, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { Jobs, JobStatus } from "@/domain/ports/jobs.ts";
import type { OpenCandles } from "@/domain/ports/open_candles.ts";
import type { Follower } from "@/projections/follower.ts";

export interface WorkDeps {
  readonly jobs: Jobs;
  readonly crawling: CrawlDeps;
  readonly follower: Pick<Follower, "rebuild">;
  /** Names of the read models. */
  readonly projectionNames: readonly string[];
}

export interface WantedCrawl {
  readonly series: SeriesRef;
  readonly since: number | undefined;
  readonly until: number | undefined;
  readonly refetch: boolean;
  readonly actor: string;
}

/** What the API needs of the world, and what it starts and leaves running. One crawl a series and one rebuild a read model at a time. */
export interface ServiceWork {
  startCrawl(wanted: WantedCrawl): JobStatus;
  /** Refusal `not_found` for a name that no read model has. */
  startRebuild(projection: string): JobStatus;
  readonly openCandles: OpenCandles;
}

export function createServiceWork(deps: WorkDeps): ServiceWork {
  const { jobs, crawling, follower, projectionNames } = deps;
  return {
    openCandles: createOpenCandles(crawling),
    startCrawl({ series: { exchange, symbol, interval }, actor, ...range }) {
      const request = { ...range, series: { exchange, symbol, interval }, mode: "all" } as const;
      return jobs.start({
        ...{ name: "crawl", key: `crawl:${seriesId(request.series)}` },
        run: async (context) => ({
          ...await crawlSeries(crawling, request, { ...context, actor }),
        }),
      });
    },
    startRebuild(name) {
      if (!projectionNames.includes(name)) {
        const details = projectionNames.map((one) => ({ field: "name", message: `${one} is one` }));
        throw new Refusal("not_found", `Cannot find read model ${name}`, { details });
      }
      return jobs.start({
        ...{ name: "rebuild", key: `rebuild:${name}` },
        run: (context) => follower.rebuild(name, context),
      });
    },
  };
}
