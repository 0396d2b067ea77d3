import type { CrawlerEvent } from "@/events/catalog/crawler.ts";
import type { Decider } from "./decider.ts";

export type CrawlerCommand =
  | { readonly type: "PauseCrawler"; readonly data: { source: string; reason: string } }
  | { readonly type: "ResumeCrawler"; readonly data: { source: string } };

export interface Crawler {
  readonly paused: boolean;
}

/** What operators want of a crawler. Stream `crawler-<source>`. */
export const crawler: Decider<CrawlerCommand, CrawlerEvent, Crawler> = {
  initial: { paused: false },

  decide({ type, data }, { paused }) {
    switch (type) {
      case "PauseCrawler":
        return paused ? [] : [{ type: "CrawlerPaused", data }];
      case "ResumeCrawler":
        return paused ? [{ type: "CrawlerResumed", data }] : [];
    }
  },

  evolve(_state, { type }) {
    switch (type) {
      case "CrawlerPaused":
        return { paused: true };
      case "CrawlerResumed":
        return { paused: false };
    }
  },
};
