import { deepEqual } from "node:assert/strict";
import { type CompactablePeriod, dispensableBlobs } from "@/domain/klines/compaction_plan.ts";
import { DAY_MS } from "@/domain/klines/interval.ts";

const NOW = 100 * DAY_MS;
const held = (name: string, position: number) => ({ sha256: name, sizeBytes: 1, position });
const HOUR_MS = DAY_MS / 24;
const replaced = (name: string, position: number, day: number) => ({
  ...held(name, position),
  replacedAt: day * DAY_MS,
});

const base: CompactablePeriod = {
  series: { exchange: "binance", symbol: "BTC/USDT", interval: "1m" },
  ...{ seriesId: "binance.BTC-USDT.1m", period: "2024-01", hotRows: 0 },
  ...{ batches: [held("b1", 1), held("b2", 2)], file: held("f2", 9), replaced: [] },
  isRevised: false,
};

for (
  const [title, given, expected] of [
    ["batches of a filed period without rows", {}, ["b1", "b2"]],
    ["nothing while rows may have to be made of them", { hotRows: 1 }, []],
    ["nothing without a file", { file: null }, []],
    ["no batch that is the file itself", { file: held("b2", 9) }, ["b1"]],
    ["replaced files that were kept long enough", {
      replaced: [replaced("f1", 5, 70), replaced("f3", 7, 71)],
    }, ["b1", "b2", "f1"]],
    ["replaced files between those of a day's end and the newest ones, where they are many", {
      batches: [],
      replaced: Array.from(
        { length: 40 },
        (_, n) => replaced(`r${n}`, n, 90 + Math.floor(n / 3) / 2),
      ),
    }, ["r0", "r1", "r2", "r3", "r4", "r6"]],
    ["no batch that is a file still kept", { replaced: [replaced("b1", 5, 99)] }, ["b2"]],
    ["each blob once, oldest first", {
      batches: [held("b2", 4), held("b1", 3), held("b2", 8)],
      replaced: [replaced("f1", 2, 1), replaced("b1", 6, 1)],
    }, ["f1", "b1", "b2"]],
  ] as const
) {
  Deno.test(`compaction lets go of ${title}`, () => {
    const blobs = dispensableBlobs({ ...base, ...given }, { now: NOW, keepReplacedDays: 30 });
    deepEqual(blobs.map(({ sha256 }) => sha256), expected);
  });
}

Deno.test("compaction keeps a replaced file for an hour though none is to be kept", () => {
  const replacedAgo = (ms: number) => ({ ...held("f1", 5), replacedAt: NOW - ms });
  for (const [ms, expected] of [[HOUR_MS - 1, []], [HOUR_MS, ["f1"]]] as const) {
    const period = { ...base, batches: [], replaced: [replacedAgo(ms)] };
    const blobs = dispensableBlobs(period, { now: NOW, keepReplacedDays: 0 });
    deepEqual(blobs.map(({ sha256 }) => sha256), expected);
  }
});
