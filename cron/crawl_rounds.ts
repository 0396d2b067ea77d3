import { seriesId } from "@/domain/klines/series_ref.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import { allEnded } from "./all_ended.ts";
import type { CrawlCounts } from "./crawl_counts.ts";
import type { FailedSeries } from "./crawl_failures.ts";
import type { CrawledVenues } from "./crawl_venues.ts";
import { failureFields } from "./error_message.ts";

/** Series that are begun together, and the watched ones that are not among them. */
export interface CrawlRound {
  readonly series: readonly SeriesView[];
  readonly others: readonly SeriesView[];
}

export interface RoundsWork {
  /** Series that are to be served, whether or not they have been begun. */
  readonly list: () => Promise<readonly SeriesView[]>;
  readonly crawl: (round: CrawlRound) => Promise<CrawledVenues<CrawlCounts>>;
  /** Told after each look at the list: a series that was begun has another start by now. */
  readonly onListed: (isBehind: boolean) => void;
  readonly clock: Pick<Clock, "now">;
  readonly log: Log;
}

export interface RoundsEnd {
  /** Series that the run has served, or was to. */
  readonly series: number;
  readonly counts: readonly CrawlCounts[];
  readonly failures: readonly FailedSeries[];
  readonly leftOut: readonly FailedSeries[];
}

export interface CrawlRounds {
  /**
   * The read models have moved. Where the list has changed it is looked at at once; where that is not
   * known, as another instance has moved them, each minute.
   */
  told(hasChanged: boolean | undefined): void;
  /** Until all that it has begun has ended. Rejects when the first list cannot be read. */
  run(): Promise<RoundsEnd>;
}

/** So many at once: each holds pages of candles in memory, and the venue's limiter divides its pace. */
const MOST_ROUNDS = 5;
const LIST_AGAIN_MS = 60_000;

/** What is added while a run goes on is crawled beside what was begun before, however long that takes. */
export function createCrawlRounds(work: RoundsWork): CrawlRounds {
  const { clock, log } = work;
  const served = new Set<string>();
  /** Start of the history that each series was begun with. */
  const begun = new Map<string, number | null>();
  const leftOut = new Map<string, FailedSeries>();
  const rounds: Promise<CrawledVenues<CrawlCounts>>[] = [];
  const running = new Set<Promise<void>>();
  let news = Promise.withResolvers<void>();
  let [hasNews, isUnsure, listedAt] = [false, false, -Infinity];

  /** Begins whatever has not been begun. */
  async function takeUp(): Promise<void> {
    news = Promise.withResolvers();
    [hasNews, isUnsure, listedAt] = [false, false, clock.now()];
    const listed = await work.list();
    const isKnown = ({ id }: SeriesView) => begun.has(id);
    const [others, series] = [listed.filter(isKnown), listed.filter((one) => !isKnown(one))];
    work.onListed(others.some(({ id, historyStart }) => begun.get(id) !== historyStart));
    if (series.length === 0) return;
    for (const { id, historyStart } of series) {
      served.add(id);
      begun.set(id, historyStart);
      leftOut.delete(id);
    }
    const round = work.crawl({ series, others });
    rounds.push(round);
    const ended: Promise<void> = round.then(whenEnded, () => {}).finally(() =>
      void running.delete(ended)
    );
    running.add(ended);
  }

  /** Its venue rests: it is begun again at a later look. */
  function whenEnded(round: CrawledVenues<CrawlCounts>): void {
    for (const one of round.leftOut) {
      const id = seriesId(one.series);
      begun.delete(id);
      leftOut.set(id, one);
      isUnsure = true;
    }
  }

  return {
    told(hasChanged) {
      isUnsure ||= hasChanged === undefined;
      hasNews ||= hasChanged === true || (isUnsure && clock.now() - listedAt >= LIST_AGAIN_MS);
      if (hasNews) news.resolve();
    },
    async run() {
      await takeUp();
      while (running.size > 0) {
        const mayBegin = running.size < MOST_ROUNDS;
        await Promise.race(mayBegin ? [...running, news.promise] : running);
        if (!hasNews || running.size >= MOST_ROUNDS) continue;
        await takeUp().catch((error: unknown) => {
          isUnsure = true;
          log.warn("cannot list the watched series", failureFields(error));
        });
      }
      if (hasNews) work.onListed(true);
      const ended = await allEnded(rounds);
      return {
        series: served.size,
        counts: ended.flatMap(({ counts }) => counts),
        failures: ended.flatMap(({ failures }) => failures),
        leftOut: [...leftOut.values()],
      };
    },
  };
}
