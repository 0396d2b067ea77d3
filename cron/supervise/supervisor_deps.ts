import type { RetryPolicy } from "@/domain/crawlers/retry_policy.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Jobs } from "@/domain/ports/jobs.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import type { EventStore } from "@/events/store/store.ts";
import type { CrawlerQueries } from "@/projections/crawler_queries.ts";
import type { Job } from "../job.ts";
import type { Leases } from "../leases.ts";
import type { SeenTimes } from "../seen_times.ts";

export interface SupervisorDeps {
  readonly sources: readonly Job[];
  readonly store: EventStore;
  readonly blobs: Pick<Blobs, "put">;
  readonly queries: Pick<CrawlerQueries, "breakers" | "paused">;
  readonly leases: Leases;
  readonly seen: SeenTimes;
  /** Runs them and shows where they stand. */
  readonly jobs: Jobs;
  readonly clock: Clock;
  /** From 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  readonly log: Log;
  /** IANA name, e.g. `Asia/Shanghai`. */
  readonly timeZone: string;
  readonly retry: RetryPolicy;
  /** Longest attempt of a source that says nothing else. */
  readonly timeoutMs: number;
  /** Hears each end of a run at once, also while the database cannot be told of it. */
  readonly onEnded?: ((event: CrawlerRunEvent) => void) | undefined;
}

/** One run that this instance has in hand. */
export interface OwnRun {
  readonly source: Job;
  readonly runId: string;
  /** The time that it stands for, epoch ms. */
  readonly at: number;
  readonly actor: string;
  readonly policy: RetryPolicy;
}

/** Whoever has the source now; another instance took the run for dead. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
  constructor(runId: string) {
    super(`Run ${runId} was given up for dead and closed by another instance`);
  }
}
