import { deepEqual, equal } from "node:assert/strict";
import { archiveJob, createArchive } from "@/cron/archive/archive_service.ts";
import { createMeter } from "@/cron/archive/meter.ts";
import { createJobs } from "@/cron/jobs.ts";
import { type Progress, silentProgress } from "@/domain/ports/progress.ts";
import type { House } from "@/tests/support/house.ts";
import { fakeClock, settle } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import { archiveTest, minutes, put } from "./archive_house.ts";

const MINUTE = 60_000;

/** What one instance shows, by a clock of its own. */
function instance({ archiving, series }: House) {
  const clock = fakeClock(Date.now());
  const jobs = createJobs({ clock, log: quietLog });
  const supervisor = { run: () => Promise.reject(new Error("not asked for here")) };
  const archive = createArchive({ ...archiving, clock, series, supervisor }, {
    ...{ jobs, at: "03:30", timeZone: "UTC" },
  });
  return { clock, jobs, running: async () => (await archive.overview()).running };
}

archiveTest("archive overview: rate and rest are those of the part it is in", async (house) => {
  const { clock, jobs, running } = instance(house);
  const work = Promise.withResolvers<Record<string, unknown>>();
  let told: Progress | undefined;
  const run = ({ progress }: { progress: Progress }) => {
    told = progress;
    return work.promise;
  };
  jobs.start({ name: "archive", key: "archive:dry-run", run });
  await settle();
  equal(await running(), undefined, "what only tells is no run");
  const { id } = jobs.start({ name: "archive", key: "job:archive", run });
  await settle();
  told?.start("file candles", { unit: "candles", total: 100_000 });
  clock.advance(20 * MINUTE);
  told?.advance(100_000);
  told?.start("drop rows", { unit: "rows", total: 1_000_000 });
  clock.advance(1_000);
  told?.advance(250_000);
  const { jobId, label, perSecond, etaMs } = await running() ?? {};
  deepEqual([jobId, label, perSecond, etaMs], [id, "drop rows", 250_000, 3_000]);
  work.resolve({});
  await jobs.close();
});

archiveTest(
  "archive overview: shows the run of another instance until it is silent",
  async (house) => {
    const { clock, running } = instance(house);
    const { store, follower } = house;
    const theirs = fakeClock(clock.now());
    const runId = crypto.randomUUID();
    const meter = createMeter({ store, clock: theirs }, { runId, actor: "job:archive" });
    const shown = async () => {
      equal(await follower.waitFor(await store.head(), 20_000), true);
      const { jobId, label, done, total } = await running() ?? {};
      return [jobId, label, done, total];
    };
    await meter.start({ periodsToFile: 2, rowsToFile: 500, rowsToDrop: 0 });
    deepEqual(await shown(), [null, "file candles", 0, 500]);
    theirs.advance(MINUTE);
    await meter.add({ rowsFiled: 100 });
    deepEqual(await shown(), [null, "file candles", 100, 500]);
    clock.advance(3 * MINUTE);
    equal(await running(), undefined, "it was killed");
    clock.advance(-3 * MINUTE);
    await meter.finish("succeeded");
    equal((await shown())[1], undefined);
  },
);

archiveTest(
  "archive job: its run has the supervisor's id, a further attempt one of its own, a quiet one none",
  async (house) => {
    const { store, follower } = house;
    const job = archiveJob(house.archiving, { at: "03:30" });
    equal(job.schedule, "30 3 * * *");
    equal(archiveJob(house.archiving, { at: "22:05" }).schedule, "5 22 * * *");
    const runId = crypto.randomUUID();
    const attempt = async () => {
      const { signal } = new AbortController();
      await job.run({ runId, at: Date.now(), signal, progress: silentProgress });
      equal(await follower.waitFor(await store.head(), 60_000), true);
      const runs = await house.database.query("select * from archive_runs_v1 order by started_at");
      return runs.map((run) => [run.run_id === runId, run.status, run.rows_filed]);
    };
    deepEqual(await attempt(), []);
    await put(house, minutes(Date.UTC(2024, 0, 1), 3));
    deepEqual(await attempt(), [[true, "succeeded", 3]]);
    await put(house, minutes(Date.UTC(2024, 1, 1), 3));
    deepEqual((await attempt())[1], [false, "succeeded", 3]);
  },
);
