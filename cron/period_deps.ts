import type { IngestDeps } from "./ingest_run.ts";
import type { KeyedTurns } from "./keyed_turns.ts";
import type { LateQueue } from "./late_queue.ts";

/** What the parts of an ingest share with those of others. */
export interface PeriodDeps extends IngestDeps {
  /** Writers to one period stream: who compares at the same time as another only loses the race. */
  readonly turns: KeyedTurns;
  readonly late: LateQueue;
}
