import assert from "node:assert/strict";
import { createClaims } from "@/cron/claims.ts";
import type { Job } from "@/cron/job.ts";
import { createJobs } from "@/cron/jobs.ts";
import { createScheduler } from "@/cron/schedule.ts";
import { migrate } from "@/events/store/migrate.ts";
import type { Database } from "@/events/store/database.ts";
import { databases } from "@/tests/support/database.ts";
import { type FakeClock, fakeClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;
/** 2024-05-01, 11:00 in Shanghai. */
const NOW = Date.UTC(2024, 4, 1, 3);

/** A job that counts its runs; each lasts until it is let go. */
function counted(options: Partial<Job> = {}) {
  let release = () => {};
  const job = {
    ...{ name: "daily", schedule: "30 3 * * *", runs: 0, hold: false },
    ...options,
    async run({ signal }: { signal: AbortSignal }) {
      job.runs++;
      if (!job.hold) return { n: job.runs };
      await new Promise<void>((resolve, reject) => {
        release = resolve;
        signal.addEventListener("abort", () => reject(signal.reason));
      });
      return { n: job.runs };
    },
    release: () => release(),
  };
  return job;
}

/** One instance of the service on a database. */
function start(database: Database, clock: FakeClock, jobs: readonly Job[]) {
  const runs = createJobs({ clock, log: quietLog });
  const scheduler = createScheduler({
    ...{ jobs, runs, clock, log: quietLog, timeZone: "Asia/Shanghai" },
    claims: createClaims(database),
  });
  return {
    runs,
    scheduler,
    /** Waits for whatever was started and does not hold on. */
    async tick() {
      await scheduler.tick();
      await ended(() =>
        runs.list().every(({ status, name }) =>
          status !== "running" || jobs.some((job) => job.name === name && "hold" in job && job.hold)
        )
      );
    },
  };
}

async function ended(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!holds() && performance.now() < deadline) await new Promise((r) => setTimeout(r, 1));
  assert.ok(holds());
}

for (const { name, open } of databases()) {
  let opened: ReturnType<typeof open>;
  Deno.test.beforeAll(async () => {
    opened = open();
    await migrate((await opened).database);
  });
  Deno.test.afterAll(async () => await (await opened).close());

  const test = (title: string, body: (database: Database) => Promise<void>) =>
    Deno.test(`scheduler on ${name} ${title}`, async () => {
      const { database } = await opened;
      await database.query("delete from job_run");
      await body(database);
    });

  test("runs a job at its time in the time zone, once", async (database) => {
    const [clock, job] = [fakeClock(NOW), counted()];
    const { tick, scheduler } = start(database, clock, [job]);
    await tick();
    assert.equal(job.runs, 0, "a new installation owes nothing");
    assert.equal(scheduler.nextAt("daily"), Date.UTC(2024, 4, 1, 19, 30));
    clock.advance(16.5 * 60 * MINUTE - 1);
    await tick();
    assert.equal(job.runs, 0);
    clock.advance(1);
    await tick();
    await tick();
    clock.advance(MINUTE);
    await tick();
    assert.equal(job.runs, 1);
    const [row] = await database.query("select result from job_run where status = 'succeeded'");
    assert.deepEqual(row?.result, { n: 1 });
  });

  test("makes up once for all that was missed while nobody ran", async (database) => {
    const [clock, job] = [fakeClock(NOW), counted()];
    await start(database, clock, [job]).tick();
    clock.advance(5 * DAY);
    const restarted = start(database, clock, [job]);
    await restarted.tick();
    await restarted.tick();
    assert.equal(job.runs, 1);
    clock.advance(DAY);
    await restarted.tick();
    assert.equal(job.runs, 2);
  });

  test("runs a job once though two instances tick", async (database) => {
    const [clock, job] = [fakeClock(NOW), counted({ schedule: "* * * * *" })];
    const instances = [start(database, clock, [job]), start(database, clock, [job])];
    for (let minute = 0; minute < 5; minute++) {
      await Promise.all(instances.map(({ tick }) => tick()));
      clock.advance(MINUTE);
    }
    assert.equal(job.runs, 4);
  });

  test("leaves a job alone that still runs, and then makes up once", async (database) => {
    const [clock, job] = [fakeClock(NOW), counted({ schedule: "* * * * *" })];
    const { tick, runs } = start(database, clock, [job]);
    await tick();
    job.hold = true;
    for (let minute = 0; minute < 3; minute++) {
      clock.advance(MINUTE);
      await tick();
    }
    assert.equal(job.runs, 1);
    job.hold = false;
    job.release();
    await ended(() => runs.list().every(({ status }) => status !== "running"));
    await tick();
    assert.equal(job.runs, 2);
  });

  test("runs a job at every start when it asks for that", async (database) => {
    const [clock, job] = [fakeClock(NOW), counted({ atStart: true })];
    await start(database, clock, [job]).tick();
    clock.advance(5_000);
    const again = start(database, clock, [job]);
    await again.tick();
    await again.tick();
    assert.equal(job.runs, 2);
  });

  test("records a failure and runs the job again at its next time", async (database) => {
    const clock = fakeClock(NOW);
    let runs = 0;
    const failing: Job = {
      ...{ name: "failing", schedule: "* * * * *" },
      run: () => Promise.reject(new Error(`failure ${++runs}`)),
    };
    const { tick } = start(database, clock, [failing]);
    await tick();
    for (let minute = 0; minute < 2; minute++) {
      clock.advance(MINUTE);
      await tick();
    }
    const rows = await database.query(
      "select status, error from job_run where status <> 'skipped' order by scheduled_for",
    );
    assert.deepEqual(rows, [
      { status: "failed", error: "failure 1" },
      { status: "failed", error: "failure 2" },
    ]);
  });

  test("records a stop", async (database) => {
    const [clock, job] = [fakeClock(NOW), counted({ atStart: true })];
    job.hold = true;
    const { tick, runs } = start(database, clock, [job]);
    await tick();
    await runs.close();
    const [row] = await database.query("select status from job_run");
    assert.equal(row?.status, "stopped");
  });
}

Deno.test("scheduler refuses a schedule or a time zone that cannot be read, at once", () => {
  const clock = fakeClock(NOW);
  const runs = createJobs({ clock, log: quietLog });
  const base = { runs, clock, log: quietLog, claims: createClaims(noDatabase) };
  const job = (schedule: string) => ({ name: "x", schedule, run: () => Promise.resolve({}) });
  assert.throws(
    () => createScheduler({ ...base, jobs: [job("0 0 31 2 *")], timeZone: "UTC" }),
    /none of its months/,
  );
  assert.throws(
    () => createScheduler({ ...base, jobs: [job("* * * * *")], timeZone: "Nowhere" }),
    RangeError,
  );
});

const noDatabase: Database = {
  engine: "postgres",
  query: () => Promise.reject(new Error("not asked")),
  values: () => Promise.reject(new Error("not asked")),
  transaction: () => Promise.reject(new Error("not asked")),
  script: () => Promise.reject(new Error("not asked")),
  listen: () => Promise.reject(new Error("not asked")),
  close: () => Promise.resolve(),
};
