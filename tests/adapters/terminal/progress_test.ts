import { deepEqual, equal, match } from "node:assert/strict";
import fc from "fast-check";
import { createTerminalProgress } from "@/adapters/terminal/progress.ts";
import { formatDuration, progressLine } from "@/adapters/terminal/progress_line.ts";

function open({ interactive = true, columns = 100 } = {}) {
  const lines: string[] = [];
  const statuses: string[] = [];
  let time = 0;
  const progress = createTerminalProgress({
    clock: { now: () => time },
    terminal: {
      interactive,
      columns,
      line: (text) => lines.push(text),
      status: (text) => statuses.push(text),
    },
  });
  return { progress, lines, statuses, pass: (ms: number) => time += ms };
}

Deno.test("progress shows a bar with percent, count, rate and time left", () => {
  const { progress, statuses, pass } = open();
  progress.start("import", { unit: "candles", total: 2_000 });
  pass(1_000);
  progress.advance(500);
  equal(
    statuses.at(-1),
    "import  [███████░░░░░░░░░░░░░░░░░░░░░░░]   25 %  500/2,000 candles  500/s  3.0 s left",
  );
});

Deno.test("progress draws at most ten times a second", () => {
  const { progress, statuses, pass } = open();
  progress.start("import", { unit: "candles", total: 1_000 });
  for (let i = 0; i < 1_000; i++) {
    pass(1);
    progress.advance(1);
  }
  equal(statuses.length, 11);
});

Deno.test("progress ends with one line that sums up, and without a bar", () => {
  const { progress, lines, statuses, pass } = open();
  progress.start("import", { unit: "candles", total: 1_000 });
  pass(2_000);
  progress.advance(1_000);
  progress.finish();
  progress.finish();
  deepEqual(lines, ["import: 1,000 candles in 2.0 s (500/s)"]);
  equal(statuses.at(-1), "");
});

Deno.test("progress counts without a total while it is unknown, and takes one that comes later", () => {
  const { progress, statuses, pass } = open();
  progress.start("crawl", { unit: "candles" });
  pass(1_000);
  progress.advance(10);
  equal(statuses.at(-1), "crawl  10 candles  10/s  1.0 s");
  pass(1_000);
  progress.total(40);
  match(statuses.at(-1) ?? "", /10\/40 candles {2}5\/s/);
});

Deno.test("progress judges the rate by the last seconds, not by the whole run", () => {
  const { progress, statuses, pass } = open();
  progress.start("crawl", { unit: "candles", total: 100_000 });
  for (let second = 0; second < 60; second++) {
    pass(1_000);
    progress.advance(second < 30 ? 1_000 : 10);
  }
  match(statuses.at(-1) ?? "", / 10\/s /);
});

Deno.test("progress writes a plain line every five seconds into a pipe", () => {
  const { progress, lines, statuses, pass } = open({ interactive: false });
  progress.start("import", { unit: "candles", total: 100 });
  for (let i = 0; i < 12; i++) {
    pass(1_000);
    progress.advance(1);
  }
  progress.note("a file was odd");
  progress.finish();
  deepEqual(lines, [
    "import    5 %  5/100 candles  1/s  1 min 35 s left",
    "import   10 %  10/100 candles  1/s  1 min 30 s left",
    "a file was odd",
    "import: 12 candles in 12 s (1/s)",
  ]);
  deepEqual(statuses.filter((text) => text !== ""), []);
});

Deno.test("progress shows a bar without a rate as long as no time has passed", () => {
  const { progress, statuses } = open();
  progress.start("crawl", { unit: "candles" });
  progress.start("import", { unit: "candles", total: 3 });
  deepEqual(statuses.filter((text) => text !== ""), [
    "crawl  0 candles",
    "import  [░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░]    0 %  0/3 candles",
  ]);
});

Deno.test("progress writes nothing into a pipe before there is something to tell", () => {
  const { progress, lines, pass } = open({ interactive: false });
  progress.start("export", { unit: "candles" });
  pass(1_000);
  progress.advance(10);
  deepEqual(lines, []);
  pass(4_000);
  progress.advance(10);
  deepEqual(lines, ["export  20 candles  4/s  5.0 s"]);
});

Deno.test("progress ignores what comes before a start", () => {
  const { progress, lines, statuses } = open();
  progress.advance(1);
  progress.total(2);
  progress.finish();
  deepEqual([...lines, ...statuses], []);
});

Deno.test("progressLine leaves the bar out where the terminal is narrow", () => {
  const state = { label: "import", unit: "candles", done: 1, total: 2, perSecond: 1, elapsedMs: 1 };
  match(progressLine({ ...state, columns: 40 }), /^import {3}50 %/);
});

Deno.test("progressLine holds percent and bar within bounds whatever the numbers (property)", () => {
  const numbers = fc.record({ done: fc.nat(), total: fc.nat(), perSecond: fc.nat() });
  fc.assert(fc.property(numbers, fc.integer({ min: 60, max: 200 }), (state, columns) => {
    const line = progressLine({ ...state, label: "x", unit: "rows", elapsedMs: 1, columns });
    const percent = Number(line.match(/(\d+) %/)?.[1]);
    equal(percent >= 0 && percent <= 100, true);
    const cells = line.match(/[█░]/g)?.length ?? 0;
    equal(cells === 0 || (cells >= 10 && cells <= 30), true);
  }));
});

for (
  const [ms, text] of [
    [0, "0 ms"],
    [999, "999 ms"],
    [1_500, "1.5 s"],
    [59_400, "59 s"],
    [59_600, "1 min 00 s"],
    [187_000, "3 min 07 s"],
    [7_500_000, "2 h 05 min"],
  ] as const
) {
  Deno.test(`formatDuration writes ${ms} ms as "${text}"`, () => equal(formatDuration(ms), text));
}
