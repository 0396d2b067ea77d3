import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { blobError } from "@/adapters/blobs/disk_error.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import type { House } from "@/tests/support/house.ts";
import {
  archive,
  archiveTest,
  checksums,
  DAY,
  MINUTE,
  minutes,
  put,
  read,
  rebuildAll,
  tiers,
  withoutRescale,
} from "./archive_house.ts";
import { blobPath, fileOf, rotUnseen } from "./damage.ts";

const JAN = Date.UTC(2024, 0, 1);
const FEB = Date.UTC(2024, 1, 1);
const MAR = Date.UTC(2024, 2, 1);
const APR = Date.UTC(2024, 3, 1);
const NOW = Date.now();

async function lastRun({ database }: House) {
  const [run] = await database.query(
    "select status, problems, problems_total from archive_runs_v1 order by started_at desc limit 1",
  );
  return run;
}

archiveTest(
  "archive: a damaged file is found, reported and healed before rows go",
  async (house) => {
    await put(house, minutes(JAN, 400));
    await put(house, minutes(FEB, 3));
    const before = await read(house);
    await archive(house);
    // All files were read this week: it is found when the rows are to go.
    await archive(house);
    const path = await fileOf(house, 0);
    await rotUnseen(path);
    await rejects(archive(house, { hotDays: 1 }), (error) => {
      ok(error instanceof AdapterError);
      match(error.message, /Cannot archive binance.BTC-USDT.1m 2024-01: Cannot read blob/);
      match(error.hint ?? "", /Nothing was lost/);
      return true;
    });
    deepEqual(await tiers(house), ["2024-01 400 filed 400 rows", "2024-02 3 filed 0 rows"]);
    const run = await lastRun(house);
    deepEqual([run?.status, run?.problems_total], ["failed", 1]);
    match(JSON.stringify(run?.problems), /"step":"drop".*its bytes hash to.*written again/);
    equal(await read(house), before);
    await archive(house, { hotDays: 1 });
    deepEqual(await tiers(house), ["2024-01 400 filed 0 rows", "2024-02 3 filed 0 rows"]);
    equal(await read(house), before);
  },
);

archiveTest("archive: a file that rots in the run that made it keeps its rows", async (house) => {
  await put(house, minutes(JAN, 400));
  const before = await read(house);
  const { blobs } = house.archiving;
  let reads = 0;
  const rotting = instead(blobs, {
    async get(sha256) {
      if (reads++ === 0) await rotUnseen(blobPath(house, sha256));
      return await blobs.get(sha256);
    },
  });
  const run = archive(house, { hotDays: 1, deps: { blobs: rotting } });
  await rejects(run, /Cannot archive binance.BTC-USDT.1m 2024-01: .* its bytes hash to/);
  deepEqual(await tiers(house), ["2024-01 400 filed 400 rows"]);
  match(JSON.stringify((await lastRun(house))?.problems), /^\[\{[^{]*"step":"drop"[^{]*\}\]$/);
  equal(await read(house), before);
  await archive(house, { hotDays: 1 });
  deepEqual(await tiers(house), ["2024-01 400 filed 0 rows"]);
  equal(await read(house), before);
});

archiveTest("archive: without rows a damaged file keeps its batches", async (house) => {
  await put(house, minutes(JAN, 400));
  await put(house, minutes(JAN + 400 * MINUTE, 3));
  await archive(house, { hotDays: 1, now: NOW });
  const [batch] = await house.store.readAll({ after: 0, limit: 1, types: ["KlinesRecorded"] });
  await put(house, minutes(JAN + 403 * MINUTE, 1));
  await rotUnseen(await fileOf(house, 0));
  const late = { hotDays: 1, now: NOW + 40 * DAY };
  await rejects(archive(house, late), /its bytes hash to/);
  const replaced = "select 1 from replaced_files_v1 where replaced_at is not null";
  equal((await house.database.query(replaced)).length, 1);
  ok(batch !== undefined);
});

archiveTest("archive: a missing batch is no loss while its rows are there", async (house) => {
  await put(house, minutes(JAN, 400));
  const before = await read(house);
  const [event] = await house.store.readAll({ after: 0, limit: 9, types: ["KlinesRecorded"] });
  const { sha256 } = Object(event?.data.blob);
  await house.blobs.delete(sha256);
  await archive(house, { hotDays: 1 });
  deepEqual(await tiers(house), ["2024-01 400 filed 0 rows"]);
  equal(await read(house), before);
});

archiveTest("archive: a full disk stops the run, keeps the rows and is told", async (house) => {
  await put(house, minutes(JAN, 3));
  await put(house, minutes(FEB, 3));
  const before = await read(house);
  const blobs = almostFull(house, 0);
  await rejects(archive(house, { hotDays: 1, deps: { blobs } }), (error) => {
    ok(error instanceof AdapterError);
    match(error.message, /No space left on device/);
    match(error.hint ?? "", /Free disk space/);
    return true;
  });
  deepEqual(await tiers(house), ["2024-01 3 unfiled 3 rows", "2024-02 3 unfiled 3 rows"]);
  const run = await lastRun(house);
  equal(run?.status, "failed");
  match(JSON.stringify(run?.problems), /"step":"file".*No space left/);
  equal(await read(house), before);
  await archive(house, { hotDays: 1 });
  deepEqual(await tiers(house), ["2024-01 3 filed 0 rows", "2024-02 3 filed 0 rows"]);
});

/** Takes so many files more; then what is written does not fit, in the system's own words. */
function almostFull({ archiving: { blobs } }: House, files: number): Blobs {
  let left = files;
  const whileThereIsRoom = async <T>(write: () => Promise<T>): Promise<T> => {
    if (left-- > 0) return await write();
    await Deno.writeTextFile("/dev/full", "candles").catch((error) => {
      throw blobError("put", error);
    });
    throw new Error("/dev/full took something");
  };
  const limited: Pick<Blobs, "put" | "putFile"> = {
    put: (bytes) => whileThereIsRoom(() => blobs.put(bytes)),
    putFile: (path) => whileThereIsRoom(() => blobs.putFile(path)),
  };
  return instead(blobs, limited);
}

/** The same blobs, but for some methods. */
function instead(blobs: Blobs, changed: Partial<Blobs>): Blobs {
  return new Proxy(blobs, {
    get(target, name) {
      if (Object.hasOwn(changed, name)) return Reflect.get(changed, name);
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

archiveTest(
  "archive: the disk may be full at any file of any step, and nothing is lost",
  async (house) => {
    for (const month of [JAN, FEB]) await put(house, minutes(month, 3));
    await archive(house, { hotDays: 1 });
    // Two files to write again at its scale, one to make, and superseded rows to keep.
    const finer = minutes(MAR, 3).map((one) => ({ ...one, low: "0.00001" }));
    await put(withoutRescale(house), finer);
    await put(house, minutes(APR, 400));
    await put(house, minutes(APR, 300, 1));
    const before = await read(house);
    const steps = new Set<unknown>();
    for (let files = 0;; files = 1) {
      const deps = { blobs: almostFull(house, files) };
      const failed = await archive(house, { hotDays: 1, now: NOW + 3 * DAY, deps }).then(
        () => undefined,
        (error: Error) => error.message,
      );
      equal(await read(house), before);
      if (failed === undefined) break;
      match(failed, /No space left on device/);
      const run = await lastRun(house);
      equal(run?.status, "failed");
      for (const { step } of Object(run?.problems)) steps.add(step);
    }
    deepEqual([...steps].toSorted(), ["compact", "file", "rescale"]);
    ok((await tiers(house)).every((tier) => / filed 0 rows$/.test(tier)));
    await rebuildAll(house);
    equal(await read(house), before);
  },
);

archiveTest("archive: what fails for a moment is tried again, later each time", async (house) => {
  await put(house, minutes(JAN, 3));
  const { blobs } = house.archiving;
  let left = 3;
  const waits: number[] = [];
  const deps = {
    blobs: {
      ...blobs,
      putFile: (path: string) =>
        left-- > 0
          ? Promise.reject(new AdapterError("flaky", { port: "blobs", op: "put", retryable: true }))
          : house.blobs.putFile(path),
      local: (sha256: string) => house.blobs.local(sha256),
    },
    random: () => 0.5,
    clock: { now: () => NOW, sleep: (ms: number) => Promise.resolve(void waits.push(ms)) },
  };
  await archive(house, { deps });
  deepEqual(waits, [500, 1_000, 2_000]);
  deepEqual(await tiers(house), ["2024-01 3 filed 3 rows"]);
});

archiveTest(
  "archive: a period that cannot be filed does not keep back the others",
  async (house) => {
    await put(house, minutes(JAN, 3));
    await put(house, minutes(FEB, 3));
    // What nobody recorded: the read model is damaged.
    for (const damage of ["candles = 4", "last_open_time = last_open_time + 1", "held = '[]'"]) {
      await house.database.query(
        `update kline_periods_v1 set ${damage} where period = '2024-01'`,
      );
      await rejects(archive(house), /3 candles were gathered, the read model knows/);
      const [january, february] = await tiers(house);
      match(january ?? "", /^2024-01 [34] unfiled 3 rows$/);
      equal(february, "2024-02 3 filed 3 rows");
      await house.follower.rebuild("kline_periods", {});
    }
    await archive(house);
    deepEqual(await tiers(house), ["2024-01 3 filed 3 rows", "2024-02 3 filed 3 rows"]);
  },
);

/** A process that ends at its n-th step, whatever that is: nothing after it happens. */
function dyingAfter(house: House, steps: number) {
  let left = steps;
  const died = Promise.withResolvers<never>();
  died.promise.catch(() => {});
  function guard<T extends object>(port: T, names: readonly (keyof T)[]): T {
    const guarded = Object.fromEntries(names.map((name) => {
      const call = port[name];
      if (typeof call !== "function") throw new Error(String(name));
      return [name, (...args: unknown[]) => {
        if (left-- > 0) return call.apply(port, args);
        died.reject(new Error("died"));
        return new Promise(() => {});
      }];
    }));
    return new Proxy(port, {
      get: (target, name) => {
        if (Object.hasOwn(guarded, name)) return Reflect.get(guarded, name);
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }
  const { lake, blobs, store } = house.archiving;
  return {
    died: died.promise,
    spent: () => left >= 0,
    deps: {
      lake: guard(lake, ["gather", "describe", "revisions"]),
      blobs: guard(blobs, ["putFile", "local", "get", "deleteOld", "putAt"]),
      store: guard(store, ["append", "readStream"]),
    },
  };
}

archiveTest(
  "archive: whatever step it dies at, the next run ends as an undisturbed one",
  async (house) => {
    await put(house, minutes(JAN, 400));
    await put(house, minutes(JAN, 300, 1));
    await put(house, minutes(FEB, 3));
    const before = await read(house);
    const old = { hotDays: 1, now: NOW + 3 * DAY };
    let deaths = 0;
    for (let steps = 0;; steps++) {
      const { died, deps, spent } = dyingAfter(house, steps);
      const ended = await Promise.race([
        archive(house, { ...old, deps }).then(() => true),
        died.catch(() => false),
      ]);
      equal(await read(house), before, `after ${steps} steps`);
      if (ended && spent()) break;
      deaths++;
    }
    ok(deaths >= 18, `${deaths} deaths`);
    deepEqual(await tiers(house), ["2024-01 400 filed 0 rows", "2024-02 3 filed 0 rows"]);
    equal((await Array.fromAsync(house.blobs.list())).length, 3);
    const live = await checksums(house);
    await rebuildAll(house);
    deepEqual(await checksums(house), live);
    equal(await read(house), before);
  },
  { killed: true },
);
