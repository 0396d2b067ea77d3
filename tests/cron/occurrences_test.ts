import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCron } from "@/cron/cron_text.ts";
import { latestOccurrence, nextOccurrence } from "@/cron/occurrences.ts";

const MINUTE = 60_000;

function at(text: string): number {
  return Date.parse(text);
}

const LATEST: readonly [schedule: string, zone: string, now: string, expected: string][] = [
  ["* * * * *", "UTC", "2024-05-01T10:20:30Z", "2024-05-01T10:20:00Z"],
  ["30 3 * * *", "Asia/Shanghai", "2024-05-01T00:00:00Z", "2024-04-30T19:30:00Z"],
  ["30 3 * * *", "Asia/Shanghai", "2024-04-30T19:30:00Z", "2024-04-30T19:30:00Z"],
  ["30 3 * * *", "Asia/Shanghai", "2024-04-30T19:29:59Z", "2024-04-29T19:30:00Z"],
  ["0 18 * * MON-FRI", "Asia/Shanghai", "2024-05-05T12:00:00Z", "2024-05-03T10:00:00Z"],
  ["0 0 29 FEB *", "UTC", "2027-03-01T00:00:00Z", "2024-02-29T00:00:00Z"],
  ["0 0 1 1 *", "Pacific/Kiritimati", "2024-01-01T00:00:00Z", "2023-12-31T10:00:00Z"],
  ["0 0 13 * FRI", "UTC", "2024-06-12T00:00:00Z", "2024-06-07T00:00:00Z"],
  // New York skips 02:30 on 2024-03-10 and repeats 01:30 on 2024-11-03.
  ["30 2 * * *", "America/New_York", "2024-03-10T12:00:00Z", "2024-03-10T07:30:00Z"],
  ["30 1 * * *", "America/New_York", "2024-11-03T12:00:00Z", "2024-11-03T05:30:00Z"],
  ["30 2 * * *", "America/New_York", "2024-11-03T12:00:00Z", "2024-11-03T07:30:00Z"],
];

for (const [schedule, zone, now, expected] of LATEST) {
  Deno.test(`latest time of "${schedule}" in ${zone} at ${now} is ${expected}`, () => {
    const found = latestOccurrence(parseCron(schedule), at(now), zone);
    assert.equal(
      found === undefined ? found : new Date(found).toISOString(),
      new Date(expected).toISOString(),
    );
  });
}

Deno.test("next time is strictly later", () => {
  const times = parseCron("0 * * * *");
  assert.equal(
    nextOccurrence(times, at("2024-05-01T10:00:00Z"), "UTC"),
    at("2024-05-01T11:00:00Z"),
  );
  assert.equal(
    nextOccurrence(parseCron("0 0 29 2 *"), at("2024-02-29T00:00:00Z"), "UTC"),
    at("2028-02-29T00:00:00Z"),
  );
});

Deno.test("time zone that does not exist is refused", () => {
  assert.throws(() => nextOccurrence(parseCron("* * * * *"), 0, "Mars/Olympus"), RangeError);
});

const schedule = fc.constantFrom(
  ...["* * * * *", "*/7 3-5 * * *", "0 12 1 * *", "15 0 * * SUN", "30 2 * * *", "59 23 31 12 *"],
);
const zone = fc.constantFrom("UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe");
const instant = fc.integer({ min: at("2020-01-01"), max: at("2030-01-01") });

Deno.test("next and latest time are neighbours: none lies between", () => {
  fc.assert(
    fc.property(schedule, zone, instant, (text, timeZone, now) => {
      const times = parseCron(text);
      const latest = latestOccurrence(times, now, timeZone);
      const next = nextOccurrence(times, now, timeZone);
      assert.ok(latest !== undefined && next !== undefined);
      assert.ok(latest <= now && now < next);
      assert.equal(latest % MINUTE, 0);
      assert.equal(nextOccurrence(times, latest, timeZone), next);
      assert.equal(latestOccurrence(times, next - 1, timeZone), latest);
    }),
    { numRuns: 60 },
  );
});

Deno.test("every time shows the schedule's wall clock outside of changes of the clock", () => {
  fc.assert(fc.property(instant, (now) => {
    const next = nextOccurrence(parseCron("20 14 * * *"), now, "America/New_York") ?? 0;
    const wall = new Intl.DateTimeFormat("en-GB", {
      ...{ timeZone: "America/New_York", hour: "2-digit", minute: "2-digit" },
    }).format(next);
    assert.equal(wall, "14:20");
  }));
});
