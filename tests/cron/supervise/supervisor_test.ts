import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { Job, JobReport, JobRun } from "@/cron/job.ts";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import type { Database } from "@/events/store/database.ts";
import { databases } from "@/tests/support/database.ts";
import { type FakeClock, fakeClock } from "@/tests/support/fake_clock.ts";
import { type Instance, notedChannel, startInstance } from "@/tests/support/supervised.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** 2024-05-01, 11:00 in Shanghai. */
const NOW = Date.UTC(2024, 4, 1, 3);
/** The daily source's first time after that: 03:30 in Shanghai. */
const DUE = Date.UTC(2024, 4, 1, 19, 30);

type Answer = JobReport | Error | "hang";

/** A source that answers by a script, its last answer for ever. */
function scripted(answers: readonly Answer[], options: Partial<Job> = {}) {
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

const unreachable = () =>
  new AdapterError("Cannot reach it", { port: "source", op: "GET /", retryable: true });

interface Scene {
  readonly database: Database;
  readonly clock: FakeClock;
  start(
    ...sources: readonly Job[]
  ): Promise<Instance & { readonly told: readonly { title: string }[] }>;
  /** Types of the run events, in order. */
  types(instance: Instance): Promise<readonly string[]>;
}

const steps: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async "runs a source at its time in the time zone, once"({ start, clock, types }) {
    const { source, runs } = scripted([{ rows: 7, bytes: 100 }]);
    const instance = await start(source);
    await instance.tick();
    equal(runs.length, 0, "a new installation owes nothing");
    equal(instance.supervisor.nextRunAt("daily"), DUE);
    clock.advance(DUE - NOW - 1);
    await instance.tick();
    equal(runs.length, 0);
    clock.advance(1);
    await instance.tick();
    await instance.idle();
    await instance.tick();
    await instance.idle();
    equal(runs.length, 1);
    equal(runs[0]?.at, DUE);
    deepEqual(await types(instance), ["CrawlerRunStarted", "CrawlerSucceeded"]);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual(
      [run?.status, run?.rows, run?.bytes, run?.trigger, run?.scheduledFor],
      ["succeeded", 7, 100, "schedule", DUE],
    );
  },

  async "makes up once for all that was missed while nobody ran"({ start, clock }) {
    const { source, runs } = scripted([{}]);
    const first = await start(source);
    await first.tick();
    await first.stop();
    clock.advance(5 * DAY);
    const second = await start(source);
    await second.tick();
    await second.idle();
    await second.tick();
    await second.idle();
    equal(runs.length, 1);
    const { runs: [run] } = await second.queries.findRuns({ page: 1, size: 1 });
    equal(run?.trigger, "catch_up");
  },

  async "tries again after a minute, give or take, as often as it may"({ start, clock, types }) {
    const { source, runs } = scripted([unreachable(), unreachable(), { rows: 1 }]);
    const instance = await start(source);
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
    const from = clock.now();
    await instance.idle();
    equal(runs.length, 3);
    equal(clock.now() - from, 2 * MINUTE);
    deepEqual(await types(instance), [
      "CrawlerRunStarted",
      "CrawlerAttempted",
      "CrawlerAttempted",
      "CrawlerSucceeded",
    ]);
    deepEqual(instance.told, [], "nobody is told of what came right");
  },

  async "ends a run that fails each time after four attempts, and tells it once"(scene) {
    const { start, clock, types } = scene;
    const { source, runs } = scripted([unreachable()]);
    const instance = await start(source);
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
    await instance.until(() => instance.told.length > 0);
    equal(runs.length, 4);
    deepEqual((await types(instance)).at(-1), "CrawlerFailed");
    match(instance.told[0]?.title ?? "", /daily/);
    await instance.tick();
    await instance.idle();
    equal(instance.told.length, 1);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.errorClass, run?.attempts.length], ["failed", "NetworkError", 4]);
  },

  async "does not try again what will not change, and keeps the answer it failed on"(scene) {
    const { start, clock } = scene;
    const bytes = new TextEncoder().encode('{"hello":["world"]}');
    const response = { status: 200, contentType: "application/json", bytes, truncated: false };
    const { source, runs } = scripted([
      new SourceError("Cannot crawl openvlab: its answer has changed", {
        ...{ source: "openvlab", errorClass: "schema_changed", op: "GET /x", httpStatus: 200 },
        response,
      }),
    ]);
    const instance = await start(source);
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
    await instance.idle();
    equal(runs.length, 1);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.status, run?.errorClass, run?.httpStatus], ["failed", "SchemaChanged", 200]);
    const kept = run?.attempts[0]?.response;
    ok(kept);
    deepEqual(await instance.blobs.get(kept.sha256), bytes);
  },

  async "ends an attempt that takes too long, also one that does not listen"({ start, clock }) {
    const { source, runs } = scripted(["hang"], { retry: { maxAttempts: 2 } });
    const deaf: Job = {
      ...{ name: "deaf", schedule: "30 3 * * *", retry: { maxAttempts: 1 } },
      run: () => new Promise(() => {}),
    };
    const instance = await start(source, deaf);
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
    await instance.idle();
    equal(runs.length, 2);
    const { runs: ended } = await instance.queries.findRuns({ page: 1, size: 5 });
    const byName = new Map(ended.map((run) => [run.source, run]));
    deepEqual(byName.get("daily")?.attempts.map(({ durationMs }) => durationMs), [
      300_000,
      300_000,
    ]);
    deepEqual(
      [byName.get("daily")?.status, byName.get("daily")?.errorClass],
      ["timed_out", "Timeout"],
    );
    deepEqual([byName.get("deaf")?.status, byName.get("deaf")?.attempts[0]?.durationMs], [
      ...["timed_out", 310_000],
    ]);
  },

  async "leaves a source alone that still runs, and then makes up once"({ start, clock }) {
    let release = () => {};
    const runs: number[] = [];
    const source: Job = {
      ...{ name: "slow", schedule: "* * * * *", timeoutMs: null },
      run({ at }) {
        runs.push(at);
        return new Promise((resolve) => release = () => resolve({}));
      },
    };
    const instance = await start(source);
    await instance.tick();
    for (let minute = 0; minute < 3; minute++) {
      clock.advance(MINUTE);
      await instance.tick();
      await instance.until(() => runs.length > 0);
    }
    equal(runs.length, 1);
    release();
    await instance.idle();
    await instance.tick();
    await instance.until(() => runs.length === 2);
    release();
    await instance.idle();
  },

  async "runs a source at every start when it asks for that"({ start, clock }) {
    const { source, runs } = scripted([{}], { atStart: true });
    const first = await start(source);
    await first.tick();
    await first.idle();
    await first.stop();
    clock.advance(5_000);
    const second = await start(source);
    await second.tick();
    await second.idle();
    await second.tick();
    await second.idle();
    equal(runs.length, 2);
  },

  async "skips what is paused or whose venue is out of order, and says so"({ start, clock }) {
    const failing = scripted([new Error("no luck")], { name: "failing", schedule: "* * * * *" });
    const paused = scripted([{}], { name: "paused", schedule: "* * * * *" });
    const instance = await start(failing.source, paused.source);
    const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });
    await instance.supervisor.pause("paused", { ...doer(), reason: "holiday" });
    await instance.tick();
    for (let minute = 0; minute < 5; minute++) {
      clock.advance(MINUTE);
      await instance.tick();
      await instance.idle();
    }
    equal(failing.runs.length, 3, "the breaker opens after three");
    equal(paused.runs.length, 0);
    const { runs } = await instance.queries.findRuns({ status: "skipped", page: 1, size: 20 });
    const reasons = Map.groupBy(runs, (run) => `${run.source} ${run.errorMessage}`);
    deepEqual(
      new Map([...reasons].map(([reason, runs]) => [reason, runs.length])),
      new Map([
        ...[["paused paused", 5], ["failing breaker_open", 2]] as const,
      ]),
    );
    await instance.supervisor.resume("paused", doer());
    clock.advance(4 * MINUTE);
    await instance.tick();
    await instance.idle();
    equal(paused.runs.length, 1);
    equal(failing.runs.length, 4, "one probe after five minutes");
  },

  async "runs one by hand, whatever its schedule and breaker say, one at a time"({ start }) {
    const { source, runs } = scripted(["hang", {}]);
    const bare: Job = { ...source, name: "bare", missing: ["SOURCE_BARE_COOKIE"] };
    const instance = await start(source, bare);
    const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });
    const { runId } = await instance.supervisor.run("daily", doer());
    const again = instance.supervisor.run("daily", doer());
    await rejects(again, (error) =>
      error instanceof Refusal && error.code === "conflict" &&
      error.details?.[0]?.message === runId);
    await rejects(
      instance.supervisor.run("bare", doer()),
      (error) => error instanceof Refusal && /SOURCE_BARE_COOKIE not set/.test(error.message),
    );
    await rejects(
      instance.supervisor.run("nothing", doer()),
      (error) => error instanceof Refusal && error.code === "not_found",
    );
    equal((await instance.queries.findRun(runId))?.status, "running");
    await instance.idle();
    const run = await instance.queries.findRun(runId);
    deepEqual([run?.status, run?.trigger, runs.length], ["succeeded", "manual", 2]);
  },

  async "records a run that was stopped with the service, and makes up for it"(scene) {
    const { start, clock, types } = scene;
    const { source, runs } = scripted(["hang", {}]);
    const first = await start(source);
    await first.tick();
    clock.advance(DUE - NOW);
    await first.tick();
    await first.until(() => runs.length === 1);
    await first.stop();
    const second = await start(source);
    await second.tick();
    await second.idle();
    equal(runs.length, 2);
    deepEqual(await types(second), [
      ...["CrawlerRunStarted", "CrawlerCrashed", "CrawlerRunStarted", "CrawlerSucceeded"],
    ]);
    const { runs: [run] } = await second.queries.findRuns({ page: 1, size: 1 });
    deepEqual([run?.trigger, run?.crashes], ["after_crash", 0]);
    deepEqual(second.told, [], "an orderly stop is no news");
  },

  async "closes a run whose process is gone and runs it again; a late end changes nothing"(scene) {
    const { start, clock, database } = scene;
    let finish = (_: JobReport) => {};
    const late: Job = {
      ...{ name: "late", schedule: "30 3 * * *", timeoutMs: null },
      run: () => new Promise((resolve) => finish = resolve),
    };
    const first = await start(late);
    await first.tick();
    clock.advance(DUE - NOW);
    await first.tick();
    await first.until(() => first.jobs.list().length === 1);
    const finishFirst = () => finish({ rows: 1 });
    await database.query("update crawler_lease set beat_at = now() - interval '1 hour'");
    const { source, runs } = scripted([{ rows: 2 }], { name: "late" });
    const second = await start(source);
    await second.tick();
    await second.idle();
    equal(runs.length, 1);
    finishFirst();
    await first.idle();
    const { runs: ended } = await second.queries.findRuns({ page: 1, size: 5 });
    deepEqual(
      ended.map(({ status, rows, trigger, crashes }) => [status, rows, trigger, crashes]).sort(),
      [["crashed", null, "schedule", 0], ["succeeded", 2, "after_crash", 1]],
    );
    await second.until(() => second.told.length > 0);
  },

  async "does not run for ever what takes its process down each time"({ start, clock, database }) {
    const { source, runs } = scripted(["hang"], { timeoutMs: null });
    let instance = await start(source);
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
    for (let death = 0; death < 6; death++) {
      await instance.until(() => runs.length === Math.min(death + 1, 4));
      await database.query("update crawler_lease set beat_at = now() - interval '1 hour'");
      instance = await start(source);
      await instance.tick();
    }
    equal(runs.length, 4);
    const { total } = await instance.queries.findRuns({ status: "crashed", page: 1, size: 1 });
    equal(total, 4);
  },

  async "tells of a failure while the database is away; the record follows"(
    { start, clock, types },
  ) {
    const { source } = scripted([unreachable()], { retry: { maxAttempts: 1 } });
    const instance = await start({
      ...source,
      run(context) {
        instance.cut(true);
        return source.run(context);
      },
    });
    await instance.tick();
    clock.advance(DUE - NOW);
    await instance.tick();
    await instance.until(() => instance.told.length > 0);
    deepEqual(instance.told.length, 1);
    instance.cut(false);
    await instance.idle();
    deepEqual((await types(instance)).at(-1), "CrawlerFailed");
    await instance.until(() => instance.told.length > 0);
    await instance.tick();
    clock.advance(30_000);
    await instance.tick();
    equal(instance.told.length, 1);
    const { runs: [run] } = await instance.queries.findRuns({ page: 1, size: 1 });
    equal(run?.status, "failed");
  },

  async "sources of one group take turns"({ start, clock }) {
    const one = scripted(["hang", {}], { name: "one", schedule: "* * * * *", group: "g" });
    const two = scripted([{}], { name: "two", schedule: "* * * * *", group: "g" });
    const instance = await start(one.source, two.source);
    await instance.tick();
    clock.advance(MINUTE);
    await instance.tick();
    deepEqual([one.runs.length, two.runs.length], [1, 0]);
    await instance.idle();
    await instance.tick();
    await instance.idle();
    equal(two.runs.length, 1);
  },
};

for (const { name, open } of databases()) {
  Deno.test(`supervisor (${name})`, async (t) => {
    const { database, close } = await open();
    try {
      for (const [step, run] of Object.entries(steps)) {
        await t.step(step, () => inScene(database, run));
      }
    } finally {
      await close();
    }
  });
}

async function inScene(database: Database, run: (scene: Scene) => Promise<void>): Promise<void> {
  await database.script("drop schema public cascade; create schema public;");
  const clock = fakeClock(NOW);
  const started: Instance[] = [];
  try {
    await run({
      ...{ database, clock },
      async start(...sources) {
        const channel = notedChannel("noted");
        const instance = await startInstance(database, {
          ...{ clock, sources: () => sources, channels: [channel] },
        });
        started.push(instance);
        return { ...instance, told: channel.told };
      },
      types: async (instance) => (await instance.log()).map(({ type }) => type),
    });
  } finally {
    for (const instance of started) await instance.stop();
  }
}
