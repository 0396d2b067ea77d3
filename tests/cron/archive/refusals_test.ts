import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { refusalPages } from "@/cron/archive/refusals.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { RefusedPart } from "@/projections/kline_refusals.ts";
import { trusted } from "@/events/trust.ts";
import type { House } from "@/tests/support/house.ts";
import {
  archive,
  archiveTest,
  checksums,
  DAY,
  ID,
  MINUTE,
  minutes,
  put,
  rebuildAll,
} from "./archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);
const FEB = Date.UTC(2024, 1, 1);
const NOW = Date.now();
const RANGE = [JAN, FEB] as const;

/** One `KlinesRejected` for each list of open times, as a feed of running candles leaves them. */
async function refuse(
  { store, follower }: House,
  lists: readonly (readonly (number | string)[])[],
): Promise<void> {
  const events = lists.map((times) => ({
    type: "KlinesRejected" as const,
    data: {
      ...{ seriesId: ID, source: "api" as const, total: times.length, blob: null, blobTimes: null },
      reasons: { not_closed: times.length },
      rows: times.map((time, row) => ({ row, reason: "not_closed", values: `${time},1,1,1,1,0` })),
    },
  }));
  const write = { stream: `klines_rejected-${ID}`, expected: "any" as const, events };
  const { position } = await store.append([write], {
    actor: "test",
    commandId: crypto.randomUUID(),
  });
  equal(await follower.waitFor(position, 60_000), true);
}

/** Versions of the refusals page by page, and how many events were read for them. */
async function pagesOf({ archiving, store }: House, from = JAN, to = FEB, behind = 0) {
  let eventsRead = 0;
  const counting = trusted<typeof store>({
    head: () => store.head(),
    async readStream(...args: Parameters<typeof store.readStream>) {
      const slice = await store.readStream(...args);
      eventsRead += slice.events.length;
      return slice;
    },
  });
  const pages: number[][] = [];
  const asked: RefusedPart = { seriesId: ID, range: [from, to], behind };
  for await (const page of refusalPages({ ...archiving, store: counting }, asked)) {
    pages.push(page.map(({ version }) => version));
  }
  return { pages, eventsRead };
}

async function revisionRows({ database }: House): Promise<number> {
  const [row] = await database.query(
    "select data->'revisions'->>'rows' as rows from event where type = 'KlineBatchesCompacted'",
  );
  return Number(row?.rows);
}

archiveTest("refusals: only those that touch the period are read", async (house) => {
  const [jan, feb] = [[JAN + 5 * MINUTE], [FEB + 5 * MINUTE]] as const;
  const lists = [
    ...[[JAN], [JAN + MINUTE, "nonsense"], ["nonsense"]],
    ...Array.from({ length: 300 }, () => feb),
    ...[[...jan, ...feb], [FEB - 1], [JAN - 1], [FEB]],
  ];
  await refuse(house, lists);
  const { pages, eventsRead } = await pagesOf(house);
  deepEqual(pages, [[1, 2, 304, 305]]);
  ok(eventsRead < 210, `${eventsRead} events`);
  equal((await pagesOf(house, FEB, FEB + 31 * DAY)).pages.flat().length, 302);
  deepEqual((await pagesOf(house, JAN - 9 * DAY, JAN - 5 * DAY)).pages, []);
  const live = await checksums(house);
  await rebuildAll(house);
  deepEqual(await checksums(house), live);
});

archiveTest("refusals: those behind a position are not read again", async (house) => {
  await refuse(house, [[JAN], [JAN + MINUTE], [FEB]]);
  const [, second] = await house.store.readAll({ after: 0, limit: 2, types: ["KlinesRejected"] });
  deepEqual((await pagesOf(house, JAN, FEB)).pages, [[1, 2]]);
  deepEqual((await pagesOf(house, JAN, FEB, second?.position)).pages, []);
  await refuse(house, [[FEB], [JAN + 2 * MINUTE]]);
  deepEqual((await pagesOf(house, JAN, FEB, second?.position)).pages, [[5]]);
});

archiveTest("compaction: many refusals are kept page by page, none lost", async (house) => {
  await put(house, minutes(JAN, 400));
  await put(house, minutes(JAN, 1, 1));
  const many = Array.from(
    { length: 45 },
    (_, at) => Array.from({ length: 256 }, (_, n) => RANGE[0] + (at * 256 + n) * MINUTE),
  );
  await refuse(house, many);
  deepEqual((await pagesOf(house)).pages.map((page) => page.length), [40, 5]);
  await archive(house, { now: NOW, hotDays: 1 });
  // The superseded candle is one more.
  equal(await revisionRows(house), 45 * 256 + 1);
});

archiveTest(
  "compaction: a damaged blob of refused rows stops nothing and is told",
  async (house) => {
    await put(house, minutes(JAN, 400));
    await put(house, minutes(JAN, 1, 1));
    const bad = minutes(JAN + 5 * MINUTE, 300).map((one) => ({ ...one, high: "0.0625" }));
    await put(house, bad);
    const [event] = await house.store.readAll({ after: 0, limit: 1, types: ["KlinesRejected"] });
    const { sha256 } = trusted<{ sha256: string }>(event?.data.blob);
    await house.blobs.delete(sha256);
    await rejects(archive(house, { now: NOW, hotDays: 1 }), (error) => {
      ok(error instanceof AdapterError);
      match(error.message, /of these refused rows the first are kept/);
      return true;
    });
    // What the event itself holds, and the superseded candle.
    equal(await revisionRows(house), 256 + 1);
    const [run] = await house.database.query("select status, problems from archive_runs_v1");
    match(JSON.stringify(run), /"failed".*"step":"compact"/);
    await archive(house, { now: NOW, hotDays: 1 });
  },
);
