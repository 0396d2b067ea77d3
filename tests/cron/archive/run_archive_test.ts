import { deepEqual, equal, rejects } from "node:assert/strict";
import {
  ALL_HOT,
  archive,
  archiveTest,
  checksums,
  DAY,
  ID,
  MINUTE,
  minutes,
  put,
  read,
  rebuildAll,
  remove,
  tiers,
} from "./archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);
const FEB = Date.UTC(2024, 1, 1);
const MAR = Date.UTC(2024, 2, 1);
/** A day of March. */
const OPEN = MAR + 10 * DAY;

archiveTest("archive: files what has ended and drops what is old", async (house, t) => {
  // Blobs, inline batches, revisions and a removal: everything that makes a period.
  await put(house, minutes(JAN, 700));
  await put(house, minutes(JAN + 690 * MINUTE, 20, 1));
  await put(house, minutes(JAN + 100 * MINUTE, 300, 2));
  equal(await remove(house, JAN + 50 * MINUTE, JAN + 60 * MINUTE), 10);
  await put(house, minutes(JAN + 55 * MINUTE, 3, 3));
  await put(house, minutes(FEB, 400));
  await put(house, minutes(MAR, 300));
  const before = await read(house);
  const border = { start: FEB + 390 * MINUTE, end: MAR + 10 * MINUTE };
  const hours = { interval: "1h", start: JAN, end: OPEN, partial: true } as const;
  const across = [await read(house, border), await read(house, hours)];
  equal(JSON.parse(across[0] ?? "").length, 20);

  await t.step("a dry run tells and changes nothing", async () => {
    const head = await house.store.head();
    deepEqual(await archive(house, { now: OPEN, dryRun: true }), {
      ...{ dryRun: true, periodsToFile: 2, rowsToFile: 703 + 400, rowsToDrop: 0 },
    });
    equal(await house.store.head(), head);
  });

  await t.step("the ended periods get their files, their rows stay", async () => {
    const { rowsFiled, periodsFiled, bytesBefore, bytesAfter } = await archive(house, {
      now: OPEN,
    });
    deepEqual([periodsFiled, rowsFiled], [2, 703 + 400]);
    equal(Number(bytesBefore) > Number(bytesAfter), true);
    deepEqual(await tiers(house), [
      "2024-01 703 filed 703 rows",
      "2024-02 400 filed 400 rows",
      "2024-03 300 unfiled 300 rows",
    ]);
    equal(await read(house), before);
  });

  await t.step("a second run reads the files, a third finds nothing to do", async () => {
    await archive(house, { now: OPEN });
    const head = await house.store.head();
    const counts = await archive(house, { now: OPEN });
    deepEqual([counts.periodsToFile, counts.rowsToDrop], [0, 0]);
    equal(await house.store.head(), head);
  });

  await t.step("rows go once their last candle is older than the hot window", async () => {
    // The last candle of January that is held lies in its first day.
    const hotDays = 39;
    await archive(house, { now: FEB + hotDays * DAY, hotDays });
    deepEqual(await tiers(house), [
      "2024-01 703 filed 0 rows",
      "2024-02 400 filed 400 rows",
      "2024-03 300 unfiled 300 rows",
    ]);
    equal(await read(house), before);
    const [rows] = await house.database.values(
      "select count(*)::int from klines_v1 where open_time < $1",
      [FEB],
    );
    deepEqual(rows, [0]);
  });

  await t.step("a rebuild ends with the same tables", async () => {
    const live = await checksums(house);
    await rebuildAll(house);
    deepEqual(await checksums(house), live);
    equal(await read(house), before);
  });

  await t.step("across the border of rows and files queries answer as before", async () => {
    deepEqual([await read(house, border), await read(house, hours)], across);
  });

  await t.step("removing candles of a filed period takes its rows as well", async () => {
    equal(await remove(house, FEB, FEB + 10 * MINUTE), 10);
    equal((await tiers(house))[1], "2024-02 390 filed 390 rows");
    await archive(house, { now: OPEN, hotDays: 1 });
    equal((await tiers(house))[1], "2024-02 390 filed 0 rows");
  });
});

archiveTest("archive: many rows go in chunks and both steps in one run", async (house, t) => {
  await put(house, minutes(JAN, 5_300));
  const before = await read(house);
  await t.step("nobody ever sees a candle twice or not at all", async () => {
    let archiving = true;
    const seen = new Set<string>();
    const reading = (async () => {
      for (let n = 0; archiving; n++) {
        // Another limit each time: no answer is remembered.
        seen.add(await read(house, { limit: 10_000 + n }));
        await new Promise((resolve) => setTimeout(resolve));
      }
    })();
    await archive(house, { hotDays: 1 });
    archiving = false;
    await reading;
    deepEqual([...seen].map((text) => text === before), [true]);
  });
  await t.step("the rows are gone", async () => {
    deepEqual(await tiers(house), ["2024-01 5300 filed 0 rows"]);
    deepEqual(await house.database.values("select count(*)::int from klines_v1"), [[0]]);
  });
});

archiveTest("archive: live streams of small batches are filed from their rows", async (house) => {
  for (let n = 0; n < 510; n++) {
    const [one] = minutes(JAN + n * MINUTE, 1, n % 3);
    await house.ingest.ingestCandles(
      { exchange: "binance", symbol: "BTC/USDT", interval: "1m" },
      one === undefined ? [] : [one],
      { source: "exchange", actor: "test", commandId: crypto.randomUUID() },
    );
  }
  await house.follower.waitFor(await house.store.head(), 60_000);
  const before = await read(house);
  equal(JSON.parse(before).length, 510);
  await archive(house, { hotDays: 1 });
  deepEqual(await tiers(house), ["2024-01 510 filed 0 rows"]);
  equal(await read(house), before);
});

archiveTest("archive: works on the series and periods it is asked for", async (house) => {
  const other = { exchange: "binance", symbol: "ETH/USDT", interval: "1m" } as const;
  await put(house, minutes(JAN, 3));
  await put(house, minutes(FEB, 3));
  await house.ingest.ingestCandles(other, minutes(JAN, 3), {
    ...{ source: "exchange", actor: "test", commandId: crypto.randomUUID() },
  });
  await archive(house, { seriesIds: [ID], before: FEB });
  deepEqual(await tiers(house), [
    "2024-01 3 filed 3 rows",
    "2024-02 3 unfiled 3 rows",
    "2024-01 3 unfiled 3 rows",
  ]);
  const [run] = await house.database.query("select status, actor, rows_filed from archive_runs_v1");
  deepEqual(run, { status: "succeeded", actor: "job:test", rows_filed: 3 });
});

archiveTest("archive: a stopped run says so and leaves the rest for the next", async (house) => {
  for (const month of [JAN, FEB, MAR]) await put(house, minutes(month, 3));
  const stop = new AbortController();
  const { lake } = house.archiving;
  let gathered = 0;
  await rejects(
    archive(house, {
      signal: stop.signal,
      deps: {
        lake: {
          ...lake,
          gather(input) {
            if (++gathered === 2) stop.abort(new DOMException("stop", "AbortError"));
            return lake.gather(input);
          },
        },
      },
    }),
    { name: "AbortError" },
  );
  const [run] = await house.database.query("select status from archive_runs_v1");
  equal(run?.status, "stopped");
  await archive(house, { hotDays: ALL_HOT });
  deepEqual((await tiers(house)).map((tier) => tier.includes(" filed ")), [true, true, true]);
});
