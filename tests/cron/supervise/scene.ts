import type { Job, JobReport, JobRun } from "@/cron/job.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Database } from "@/events/store/database.ts";
import { databaseSteps } from "@/tests/support/database_steps.ts";
import { type FakeClock, fakeClock } from "@/tests/support/fake_clock.ts";
import { type Instance, notedChannel, startInstance } from "@/tests/support/supervised.ts";

/** 2024-05-01, 11:00 in Shanghai. */
export const NOW = Date.UTC(2024, 4, 1, 3);
/** The daily source's first time after that: 03:30 in Shanghai. */
export const DUE = Date.UTC(2024, 4, 1, 19, 30);

export const MINUTE = 60_000;

type Answer = JobReport | Error | "hang";

/** A source that answers by a script, its last answer for ever. */
export function scripted(
  answers: readonly Answer[],
  options: Partial<Job> = {},
): { readonly source: Job; readonly runs: readonly JobRun[] } {
  const runs: JobRun[] = [];
  const source: Job = {
    ...{ name: "daily", schedule: "30 3 * * *" },
    ...options,
    run(context) {
      runs.push(context);
      const answer = answers[Math.min(runs.length, answers.length) - 1] ?? {};
      if (answer instanceof Error) return Promise.reject(answer);
      if (answer !== "hang") return Promise.resolve(answer);
      return new Promise((_, reject) =>
        context.signal.addEventListener("abort", () => reject(context.signal.reason))
      );
    },
  };
  return { source, runs };
}

export const unreachable = (): AdapterError =>
  new AdapterError("Cannot reach it", { port: "source", op: "GET /", retryable: true });

/** An instance, and what people were told by it. */
export type Told = Instance & { readonly told: readonly { title: string; markdown: string }[] };

export interface Scene {
  readonly database: Database;
  readonly clock: FakeClock;
  start(...sources: readonly Job[]): Promise<Told>;
  /** One that has seen the time before, and looks again when the daily source is due. */
  startDue(...sources: readonly Job[]): Promise<Told>;
  /** One whose schedule is switched off. */
  startWithoutSchedule(...sources: readonly Job[]): Promise<Told>;
  /** Its process is gone for an hour: nothing it says is heard any more, but it can be cut back in. */
  die(instance: Instance): Promise<void>;
  /** Ticks until it is sure who is gone. */
  takeOver(instance: Instance): Promise<void>;
  /** Types of the run events, in order. */
  types(instance: Instance): Promise<readonly string[]>;
}

/** One test for each database, its steps one after the other, each on an empty log. */
export function sceneTest(
  title: string,
  steps: Readonly<Record<string, (scene: Scene) => Promise<void>>>,
): void {
  databaseSteps(title, steps, ({ database }, step) => inScene(database, step));
}

async function inScene(database: Database, run: (scene: Scene) => Promise<void>): Promise<void> {
  await database.script("drop schema public cascade; create schema public;");
  const clock = fakeClock(NOW);
  const started: Instance[] = [];
  async function begin(sources: readonly Job[], isScheduled: boolean): Promise<Told> {
    const channel = notedChannel("noted");
    const instance = await startInstance(database, {
      ...{ clock, isScheduled, sources: () => sources, channels: [channel] },
    });
    started.push(instance);
    return { ...instance, told: channel.told };
  }
  try {
    await run({
      ...{ database, clock },
      async startDue(...sources) {
        const instance = await begin(sources, true);
        await instance.tick();
        clock.advance(DUE - NOW);
        await instance.tick();
        return instance;
      },
      start: (...sources) => begin(sources, true),
      startWithoutSchedule: (...sources) => begin(sources, false),
      async die(instance) {
        instance.cut(true);
        await database.query("update crawler_lease set beat_at = now() - interval '1 hour'");
      },
      async takeOver(instance) {
        await instance.tick();
        clock.advance(MINUTE);
        await instance.tick();
      },
      types: async (instance) => (await instance.log()).map(({ type }) => type),
    });
  } finally {
    for (const instance of started) await instance.stop();
  }
}
