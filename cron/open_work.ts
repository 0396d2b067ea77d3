import type { ExchangeStanding } from "@/domain/ports/exchange_standing.ts";
import type { KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { KlineRemoval } from "@/domain/ports/kline_removal.ts";
import { archiveJob } from "./archive/archive_service.ts";
import type { ArchiveDeps } from "./archive/archive_deps.ts";
import type { CrawlDeps } from "./crawl_deps.ts";
import { crawlGaps } from "./crawl_gaps.ts";
import { crawlKlines } from "./crawl_klines.ts";
import { crawlLive } from "./crawl_live.ts";
import type { Job } from "./job.ts";
import { createKlineIngest } from "./ingest_klines.ts";
import { createKlineRemoval } from "./remove_klines.ts";
import { marketJobs, type MarketJobsDeps } from "./sources/market_jobs.ts";
import { createVenueBreakers } from "./venue_breakers.ts";

type Parts =
  & Omit<ArchiveDeps, keyof Settings | "isSimulated">
  & Omit<CrawlDeps, keyof Settings | "ingest">
  & Pick<MarketJobsDeps, "reports" | "projections">
  & { readonly marketSources: MarketJobsDeps["sources"] };

interface Settings {
  readonly hotDays: number;
  readonly keepReplacedDays: number;
  readonly historyStart: number;
}

/** What acts on the data. */
export interface Work {
  readonly ingest: KlineIngest;
  readonly removal: KlineRemoval;
  readonly archiving: ArchiveDeps;
  readonly crawling: CrawlDeps;
  readonly scheduled: readonly Job[];
  readonly exchangeStandings: () => readonly ExchangeStanding[];
}

/** All that acts on the data, by a person's word or by the clock. */
export function openWork(
  parts: Parts,
  { hotDays, keepReplacedDays, historyStart, archiveAt: at, ...sourcing }:
    & Settings
    & { archiveAt: string; sourceSchedules: MarketJobsDeps["schedules"]; crawlTimeoutMs: number }
    & { sourceGroups?: MarketJobsDeps["groups"] }
    & { unreadSettings: readonly string[] },
): Work {
  const { isSimulated } = parts.exchanges;
  const ingest = createKlineIngest({ ...parts, isSimulated, hotDays });
  const archiving: ArchiveDeps = { ...parts, isSimulated, hotDays, keepReplacedDays };
  const crawling: CrawlDeps = { ...parts, ingest, historyStart };
  const breakers = createVenueBreakers(parts);
  const {
    sourceSchedules: schedules,
    sourceGroups: groups,
    crawlTimeoutMs: timeoutMs,
    unreadSettings: unread,
  } = sourcing;
  if (unread.length > 0) parts.log.warn("settings of sources that nothing reads", { unread });
  return {
    ...{ ingest, archiving, crawling, removal: createKlineRemoval(parts) },
    exchangeStandings: breakers.standings,
    scheduled: [
      crawlLive(crawling, breakers),
      crawlKlines(crawling, breakers),
      crawlGaps(crawling, breakers),
      archiveJob(archiving, { at }),
      ...marketJobs({
        ...parts,
        ingest,
        schedules,
        groups,
        timeoutMs,
        sources: parts.marketSources,
      }),
    ],
  };
}
