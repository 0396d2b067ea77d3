import { deepEqual, equal } from "node:assert/strict";
import type { ArchiveEvent } from "@/events/catalog/archive.ts";
import type { Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import { paceOf, progressTold } from "@/domain/klines/archive_pace.ts";

const START = Date.UTC(2024, 0, 1);
const SECOND = 1_000;

const NOTHING = {
  ...{ periodsFiled: 0, rowsFiled: 0, bytesBefore: 0, bytesAfter: 0, rowsDropped: 0 },
  ...{ bytesCompacted: 0, blobsDeleted: 0, bytesFreed: 0 },
};

function at(seconds: number, type: ArchiveEvent["type"], data: Record<string, unknown>) {
  const event = { type, data: { runId: "one", ...data }, at: new Date(START + seconds * SECOND) };
  return trusted<Recorded<ArchiveEvent>>(event);
}

const started = at(0, "ArchiveRunStarted", {
  ...{ periodsToFile: 9, rowsToFile: 100_000, rowsToDrop: 1_000_000 },
});
const told = (seconds: number, done: Partial<typeof NOTHING>) =>
  at(seconds, "ArchiveRunProgressed", { ...NOTHING, ...done });

/** Twenty minutes of filing, then dropping. */
const EVENTS = [
  started,
  told(600, { rowsFiled: 50_000 }),
  told(1_200, { rowsFiled: 100_000 }),
  told(1_210, { rowsFiled: 100_000, rowsDropped: 20_000 }),
  told(1_220, { rowsFiled: 100_000, rowsDropped: 40_000, bytesCompacted: 500 }),
];

const dropping = { label: "drop rows", unit: "rows", total: 1_000_000 };
for (
  const [title, events, seconds, expected] of [
    ["of a run that has just begun nothing can be told", 1, 3, {
      ...{ label: "file candles", unit: "candles", done: 0, total: 100_000 },
      ...{ perSecond: 0, etaMs: undefined },
    }],
    ["the first part goes by the time since its start", 2, 600, {
      ...{ label: "file candles", unit: "candles", done: 50_000, total: 100_000 },
      ...{ perSecond: 50_000 / 600, etaMs: 600 * SECOND },
    }],
    ["the second part goes by its own time alone", 4, 1_210, {
      ...{ ...dropping, done: 20_000, perSecond: 2_000, etaMs: 490 * SECOND },
    }],
    ["what has passed since the last word is time that went", 4, 1_219, {
      ...{ ...dropping, done: 20_000, perSecond: 2_000, etaMs: 481 * SECOND },
    }],
    ["how much there is to compact is not known", 5, 1_220, {
      ...{ label: "compact batches", unit: "bytes", done: 500, total: undefined },
      ...{ perSecond: 50, etaMs: undefined },
    }],
  ] as const
) {
  Deno.test(`archive pace: ${title}`, () => {
    deepEqual(progressTold(EVENTS.slice(0, events), START + seconds * SECOND), expected);
  });
}

Deno.test("archive pace: a run files as long as it does, though rows go beside it", () => {
  const both = [
    started,
    told(100, { rowsFiled: 20_000, rowsDropped: 20_000 }),
    told(200, { rowsFiled: 50_000, rowsDropped: 20_000 }),
    told(300, { rowsFiled: 100_000, rowsDropped: 30_000 }),
    told(310, { rowsFiled: 100_000, rowsDropped: 40_000 }),
  ];
  const labels = both.map((_, n) =>
    progressTold(both.slice(0, n + 1), START + 310 * SECOND)?.label
  );
  const [file, drop] = ["file candles", "drop rows"];
  deepEqual(labels, [file, file, file, drop, drop]);
  // Some could not be filed: then what goes on is told.
  const failing = [...both.slice(0, 3), told(400, { rowsFiled: 50_000, rowsDropped: 40_000 })];
  equal(progressTold(failing, START + 400 * SECOND)?.label, drop);
});

Deno.test("archive pace: reading files through is no part of filing", () => {
  const verified = at(300, "ArchiveFilesVerified", { files: 1, bytes: 1, damaged: [], whole: [] });
  const events = [started, verified, told(310, { rowsFiled: 10_000 })];
  equal(progressTold(events, START + 310 * SECOND)?.perSecond, 1_000);
});

Deno.test("archive pace: a run that has ended, or is not known, has none", () => {
  const ended = at(1_300, "ArchiveRunFinished", { ...NOTHING, status: "succeeded" });
  equal(progressTold([...EVENTS, ended], START), undefined);
  equal(progressTold([], START), undefined);
});

Deno.test("archive pace: more than was expected takes no time any more", () => {
  deepEqual(paceOf({ done: 10, ms: 5_000, left: -3 }), { perSecond: 2, etaMs: 0 });
  deepEqual(paceOf({ done: 10, ms: 0, left: 5 }), { perSecond: 0, etaMs: undefined });
});
