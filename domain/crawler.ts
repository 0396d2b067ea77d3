import type { CrawlerEvent } from "@/events/catalog/crawler.ts";
import type { Decider } from "./decider.ts";

export type CrawlerCommand =
  | { readonly type: "PauseCrawler"; readonly data: { source: string; reason: string } }
  | { readonly type: "ResumeCrawler"; readonly data: { source: string } };

export interface Crawler {
  /** Why it is paused, as said last; undefined while it is not. */
  readonly paused: string | undefined;
}

/** What operators want of a crawler. Stream `crawler-<source>`. */
export const crawler: Decider<CrawlerCommand, CrawlerEvent, Crawler> = {
  initial: { paused: undefined },

  decide({ type, data }, { paused }) {
    switch (type) {
      case "PauseCrawler":
        if (paused === data.reason || (paused !== undefined && data.reason === "")) return [];
        return [{ type: "CrawlerPaused", data }];
      case "ResumeCrawler":
        return paused === undefined ? [] : [{ type: "CrawlerResumed", data }];
    }
  },

  evolve(_state, { type, data }) {
    switch (type) {
      case "CrawlerPaused":
        return { paused: data.reason };
      case "CrawlerResumed":
        return { paused: undefined };
    }
  },
};
