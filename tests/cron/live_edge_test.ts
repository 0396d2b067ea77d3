import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { dueAt, type Edge, failed, followed, isDue } from "@/cron/live_edge.ts";
import { type Interval, slotStart } from "@/domain/klines/interval.ts";
import { utc } from "@/tests/support/candles.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const NOON = utc("2024-03-31T12:00:00");

/** Asked so many seconds after noon; `late` answers lack the newest slot. */
function after(
  asks: readonly (readonly [second: number, late: boolean])[],
  interval: Interval = "1m",
): Edge | undefined {
  return asks.reduce<Edge | undefined>((edge, [second, late]) => {
    const now = NOON + second * SECOND;
    return followed(edge, { interval, end: slotStart(interval, now), now, late });
  }, undefined);
}

const CASES: readonly [
  name: string,
  asks: readonly (readonly [number, boolean])[],
  interval: Interval,
  dueSecond: number,
][] = [
  ["a second after the next close", [[1, false]], "1m", 61],
  ["in an hour where nothing closes before", [[1, false]], "1h", 3601],
  ["not more often than every four seconds", [[1, false]], "1s", 5],
  ["two seconds later when the newest is late", [[1, true]], "1m", 3],
  ["the third time at once more", [[1, true], [3, true]], "1m", 5],
  ["at the next close when it is late three times", [[1, true], [3, true], [5, true]], "1m", 61],
  ["a minute later when the next close is far", [[1, true], [3, true], [5, true]], "1h", 65],
  [
    "soon again when the next slot is late as well",
    [
      ...[[1, true], [3, true], [5, true], [61, true]] as const,
    ],
    "1m",
    63,
  ],
  ["at the next close once it has come", [[1, true], [3, false]], "1m", 61],
  ["as ever when an interval is too short to wait for", [[1, true], [5, true]], "1s", 9],
];

for (const [name, asks, interval, dueSecond] of CASES) {
  Deno.test(`live edge of ${interval} is due ${name}`, () => {
    equal((dueAt(after(asks, interval), interval) - NOON) / SECOND, dueSecond);
  });
}

Deno.test("live edge that was never asked is due at once", () => {
  equal(dueAt(undefined, "1m"), -Infinity);
});

Deno.test("live edge that failed is due a minute later, whatever its interval, and keeps how far it came", () => {
  for (const interval of ["1s", "1m", "1d", "1M"] as const) {
    const edge = failed(after([[1, false]], interval), NOON + 7 * SECOND, new Error("down"));
    equal(dueAt(edge, interval), NOON + 7 * SECOND + MINUTE);
    equal(edge.end, after([[1, false]], interval)?.end);
  }
  const recovered = followed(failed(undefined, NOON, "down"), {
    ...{ interval: "1m", end: NOON, now: NOON + MINUTE, late: false },
  });
  deepEqual(recovered, { end: NOON, askedAt: NOON + MINUTE, lateAsks: 0, failure: undefined });
});

Deno.test("live edge whose venue refuses it for good is asked ever more seldom, up to a quarter of an hour", () => {
  const lasting = [
    new Refusal("not_found", "Cannot find OLD/USDT at binance"),
    new AdapterError("no", { port: "exchange", op: "x", retryable: false }),
  ];
  for (const error of lasting) {
    const waits: number[] = [];
    let edge: Edge | undefined;
    for (let now = NOON; waits.length < 6; now = dueAt(edge, "1m")) {
      edge = failed(edge, now, error);
      waits.push((dueAt(edge, "1m") - now) / MINUTE);
    }
    deepEqual(waits, [1, 2, 4, 8, 15, 15]);
    const other = failed(edge, NOON, new Error("away"));
    equal(dueAt(other, "1m"), NOON + MINUTE);
  }
});

Deno.test("live edge is due when its venue's clock was set back, not as much later", () => {
  const edge = followed(undefined, { interval: "1m", end: NOON, now: NOON + SECOND, late: false });
  ok(!isDue(edge, "1m", NOON + 2 * SECOND));
  ok(!isDue(edge, "1m", NOON - 30 * SECOND), "a little back is waited for");
  ok(isDue(edge, "1m", NOON - 2 * MINUTE));
  ok(isDue(edge, "1m", dueAt(edge, "1m")));
  ok(isDue(undefined, "1m", NOON));
});

Deno.test("live edge is asked at least every minute or close, and never twice within two seconds", () => {
  const interval = fc.constantFrom<Interval>("1s", "1m", "3m", "1h", "1d");
  const asks = fc.array(fc.constantFrom("late", "done", "failed"), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(interval, asks, (interval, ends) => {
    let now = NOON + SECOND;
    let edge: Edge | undefined;
    for (const end of ends) {
      const closed = slotStart(interval, now);
      edge = end === "failed"
        ? failed(edge, now, "down")
        : followed(edge, { interval, end: closed, now, late: end === "late" });
      const due = dueAt(edge, interval);
      ok(due >= now + 2 * SECOND, "not at once");
      if (end !== "done") ok(due <= now + MINUTE, "what is missing is asked for within a minute");
      now = due;
    }
  }));
});
