import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { Job } from "../job.ts";
import { recordRun } from "./record_run.ts";
import type { SupervisorDeps } from "./supervisor_deps.ts";

type SkippedRun = Extract<CrawlerRunEvent, { type: "CrawlerSkipped" }>["data"];

export interface Skip extends Pick<SkippedRun, "reason" | "trigger" | "scheduledFor"> {
  /** What the reason is one and the same for: the pause, the opened breaker, the run in the way. */
  readonly episode: string;
}

/** Records due times that are not run: the first of each episode stands for all of it. */
export interface Skips {
  note(source: Job, skip: Skip): Promise<void>;
}

/** Ids derive from the episode, so that it is one among all instances and over restarts. */
const NAMESPACE = "c1f7a0de-3b55-5c0a-9d0e-64f2a1f0b7d2";
const ACTOR = "job:supervisor";

export function createSkips(deps: Pick<SupervisorDeps, "store" | "clock">): Skips {
  /** Source and reason → the last one noted, which the log need not be asked for again. */
  const noted = new Map<string, string>();
  return {
    async note({ name, venue = name }, { episode, ...skip }) {
      const key = `${name}/${skip.reason}`;
      const runId = uuidV5(NAMESPACE, `${key}/${episode}`);
      if (noted.get(key) === runId) return;
      const data = { runId, source: name, venue, ...skip, skippedAt: deps.clock.now() };
      await recordRun(deps, { type: "SkipRun", data }, ACTOR);
      noted.set(key, runId);
    },
  };
}
