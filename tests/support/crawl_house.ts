import { systemClock } from "@/adapters/clock.ts";
import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { openWorkspace } from "@/adapters/workspace/disk.ts";
import type { CrawlDeps, CrawlRun } from "@/cron/crawl_deps.ts";
import { Refusal } from "@/domain/decider.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Exchange, Exchanges } from "@/domain/ports/exchange.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { openEmbedded } from "./embedded.ts";
import { type House, openHouse } from "./house.ts";
import { quietLog } from "./quiet_log.ts";

/** The house with what a crawl needs, on the embedded database. */
export interface CrawlHouse {
  readonly house: House;
  /** With these exchanges and this clock. */
  crawling(exchanges: Exchanges, options?: { clock?: Clock; historyStart?: number }): CrawlDeps;
  close(): Promise<void>;
}

export async function openCrawlHouse(): Promise<CrawlHouse> {
  const { database, close } = await openEmbedded();
  const folder = await Deno.makeTempDir({ prefix: "chandlery-crawl-" });
  const house = await openHouse(database, { folder });
  const workspace = await openWorkspace({ directory: `${folder}/tmp/crawl` });
  return {
    house,
    crawling: (exchanges, { clock = systemClock, historyStart = 0 } = {}) => ({
      ...{ exchanges, workspace, clock, historyStart, log: quietLog, random: () => 0.5 },
      ...{ ingest: house.ingest, store: house.store, series: house.series },
      ...{ db: house.archiving.db, projections: house.follower },
    }),
    async close() {
      await house.close();
      await close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** These venues and no others. */
export function exchangesOf(...venues: readonly Exchange[]): Exchanges {
  return {
    // deno-lint-ignore require-await -- a refusal must arrive as a rejection
    async get(id) {
      const found = venues.find((venue) => venue.id === id);
      if (found === undefined) throw new Refusal("not_found", `Cannot find exchange ${id}`);
      return found;
    },
    isSimulated: (id) => venues.some((venue) => venue.id === id && venue.simulated),
    ids: () => Promise.resolve(venues.map(({ id }) => id)),
    close: () => Promise.resolve(),
  };
}

/** Exchanges of which one answers at this address, and nobody waits. */
export function exchangesAt(
  exchange: string,
  { url, clock }: { url: string; clock: Clock },
): Exchanges {
  return openExchanges({ clock, log: quietLog, urls: { [exchange]: url }, timeoutMs: 2_000 });
}

export function crawlRun(signal: AbortSignal = new AbortController().signal): CrawlRun {
  return { actor: "job:test", signal, progress: silentProgress };
}
