import assert from "node:assert/strict";
import { createJobs } from "@/cron/jobs.ts";
import type { Jobs, JobSpec } from "@/domain/ports/jobs.ts";
import { fakeClock, settle } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const NOW = Date.UTC(2024, 0, 1);

function open(keep?: number) {
  const clock = fakeClock(NOW);
  return { clock, jobs: createJobs({ clock, log: quietLog, keep }) };
}

/** Work that ends when it is told to, or when it is stopped. */
function work(
  key = "BTC",
): JobSpec & { finish(result: Record<string, unknown>): void; fail(error: Error): void } {
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
  return {
    ...{ name: "crawl", key, finish: resolve, fail: reject },
    run({ signal, progress }) {
      progress.start("crawling", { unit: "candles", total: 10 });
      progress.advance(4);
      progress.total(20);
      signal.addEventListener("abort", () => reject(signal.reason));
      return promise;
    },
  };
}

function statusOf(jobs: Jobs, id: string) {
  const { status, done, total, label, unit, result, error, finishedAt } = jobs.find(id) ??
    assert.fail("no such job");
  return {
    status,
    done,
    total,
    label,
    unit,
    result,
    error,
    ms: finishedAt && finishedAt.getTime() - NOW,
  };
}

const SHOWN = { done: 4, total: 20, label: "crawling", unit: "candles" };

Deno.test("job shows its progress while it runs and its result when it has ended", async () => {
  const { jobs, clock } = open();
  const crawl = work();
  const { id, status } = jobs.start(crawl);
  assert.equal(status, "running");
  await settle();
  const open_ = { result: undefined, error: undefined, ms: undefined };
  assert.deepEqual(statusOf(jobs, id), { ...SHOWN, ...open_, status: "running" });
  clock.advance(5_000);
  crawl.finish({ ingested: 7 });
  await settle();
  assert.deepEqual(statusOf(jobs, id), {
    ...SHOWN,
    ...{ status: "succeeded", result: { ingested: 7 }, error: undefined, ms: 5_000 },
  });
});

Deno.test("job shows why it failed", async () => {
  const { jobs } = open();
  const crawl = work();
  const { id } = jobs.start(crawl);
  crawl.fail(new Error("the venue is down"));
  await settle();
  const { status, error } = statusOf(jobs, id);
  assert.deepEqual([status, error], ["failed", "the venue is down"]);
});

Deno.test("job is refused while one with its key runs, and named", async () => {
  const { jobs } = open();
  const crawl = work();
  const { id } = jobs.start(crawl);
  assert.throws(() => jobs.start(work()), {
    code: "conflict",
    message: `Cannot start job crawl: one like it runs as job ${id}`,
    details: [{ field: "job_id", message: id }],
  });
  jobs.start(work("ETH"));
  crawl.finish({});
  await settle();
  jobs.start(work());
  await jobs.close();
});

Deno.test("job that is stopped ends as stopped, and can be stopped once", async () => {
  const { jobs } = open();
  const { id } = jobs.start(work());
  assert.equal(jobs.stop("unknown"), false);
  assert.equal(jobs.stop(id), true);
  await settle();
  assert.equal(statusOf(jobs, id).status, "stopped");
  assert.equal(jobs.stop(id), false);
});

Deno.test("jobs are listed newest first and forgotten beyond a number, running ones never", async () => {
  const { jobs } = open(2);
  const running = jobs.start(work("running"));
  const ended: string[] = [];
  for (const key of ["a", "b", "c"]) {
    const one = work(key);
    ended.push(jobs.start(one).id);
    one.finish({});
    await settle();
  }
  assert.deepEqual(jobs.list().map(({ id }) => id), [ended[2], ended[1], running.id]);
  await jobs.close();
});

Deno.test("jobs that are closed stop everything, wait for it, and take nothing more", async () => {
  const { jobs } = open();
  const ids = ["a", "b"].map((key) => jobs.start(work(key)).id);
  await jobs.close();
  assert.deepEqual(ids.map((id) => statusOf(jobs, id).status), ["stopped", "stopped"]);
  assert.throws(() => jobs.start(work("c")), { code: "unavailable" });
});

Deno.test("job status that was handed out does not change afterwards", async () => {
  const { jobs } = open();
  const crawl = work();
  const before = jobs.start(crawl);
  crawl.finish({});
  await settle();
  assert.equal(before.status, "running");
});

Deno.test("job says when the part began that its progress counts", async () => {
  const { jobs, clock } = open();
  const { promise, resolve } = Promise.withResolvers<Record<string, unknown>>();
  const { id } = jobs.start({
    ...{ name: "archive", key: "archive" },
    run({ progress }) {
      progress.start("file candles", { unit: "candles", total: 10 });
      clock.advance(60_000);
      progress.start("drop rows", { unit: "rows", total: 10 });
      return promise;
    },
  });
  await settle();
  const { startedAt, phaseStartedAt } = jobs.find(id) ?? assert.fail("no such job");
  assert.deepEqual([startedAt.getTime(), phaseStartedAt.getTime()], [NOW, NOW + 60_000]);
  resolve({});
  await settle();
});
