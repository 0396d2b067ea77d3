import assert from "node:assert/strict";
import fc from "fast-check";
import { type CronTimes, parseCron } from "@/cron/cron_text.ts";

const READ: readonly [text: string, Partial<CronTimes>][] = [
  ["30 3 * * *", { minutes: [30], hours: [3] }],
  ["*/15 * * * *", { minutes: [0, 15, 30, 45] }],
  ["5/20 * * * *", { minutes: [5, 25, 45] }],
  ["10-14/2 8,20 * * *", { minutes: [10, 12, 14], hours: [8, 20] }],
  ["0 18 * * MON-FRI", { weekdays: [1, 2, 3, 4, 5], eitherDay: false }],
  ["0 18 * * 1-5", { weekdays: [1, 2, 3, 4, 5], eitherDay: false }],
  ["0 18 * * 0,3", { weekdays: [0, 3] }],
  ["0 18 * * 7", { weekdays: [0] }],
  ["0 18 * * 5-7", { weekdays: [0, 5, 6] }],
  ["0 18 * * FRI-SUN", { weekdays: [0, 5, 6] }],
  ["0 18 * * SUN-SUN", { weekdays: [0] }],
  ["0 18 * * SUN-TUE", { weekdays: [0, 1, 2] }],
  ["0 18 * * 0-7", { weekdays: [0, 1, 2, 3, 4, 5, 6] }],
  ["0 18 * * */2", { weekdays: [0, 2, 4, 6] }],
  ["0 18 * * 1/2", { weekdays: [1, 3, 5] }],
  ["0 0 1 JAN,jul *", { months: [1, 7], days: [1] }],
  ["0 0 29 2 *", { days: [29], months: [2] }],
  ["0 0 13 * FRI", { eitherDay: true }],
  ["0 0 31 2 SUN", { eitherDay: true, weekdays: [0] }],
  ["  0   0 * * *  ", { hours: [0] }],
];

for (const [text, expected] of READ) {
  Deno.test(`schedule "${text}" is read`, () => {
    const times = parseCron(text);
    for (const [key, values] of Object.entries(expected)) {
      assert.deepEqual(Object.entries(times).find(([k]) => k === key)?.[1], values, key);
    }
  });
}

const REFUSED: readonly [text: string, reason: RegExp][] = [
  ["* * * *", /4 fields instead of five/],
  ["* * * * * *", /6 fields/],
  ["", /fields/],
  ["60 * * * *", /minute "60" is not within 0 to 59/],
  ["* 24 * * *", /hour "24"/],
  ["* * 0 * *", /day of month "0"/],
  ["* * * 13 *", /month "13"/],
  ["* * * * 8", /weekday "8" is not within 0 to 7 or SUN MON/],
  ["* * * * 5-1", /weekday "5-1"/],
  ["* * * * 5-0", /weekday "5-0"/],
  ["* * * * MOND", /weekday "MOND"/],
  ["5-1 * * * *", /minute "5-1"/],
  ["1-2-3 * * * *", /minute "1-2-3"/],
  ["*/0 * * * *", /minute has the step 0/],
  ["*/x * * * *", /minute/],
  [",5 * * * *", /minute ""/],
  ["0 0 31 2 *", /its day is in none of its months/],
  ["0 0 31 4,6,9,11 *", /its day is in none of its months/],
  ["@daily", /1 fields/],
];

for (const [text, reason] of REFUSED) {
  Deno.test(`schedule "${text}" is refused with a reason`, () => {
    assert.throws(() => parseCron(text), (error: unknown) => {
      assert.ok(error instanceof Error && error.name === "CronTextError");
      assert.match(error.message, reason);
      return true;
    });
  });
}

Deno.test("schedule of random text is read or refused, never anything else", () => {
  const field = fc.string({ unit: fc.constantFrom(..."0123456789*/,-MONFEB"), maxLength: 6 });
  fc.assert(fc.property(fc.array(field, { minLength: 4, maxLength: 6 }), (fields) => {
    try {
      const { minutes, hours, days, months, weekdays } = parseCron(fields.join(" "));
      for (const values of [minutes, hours, days, months, weekdays]) assert.ok(values.length > 0);
    } catch (error) {
      assert.equal(error instanceof Error && error.name, "CronTextError");
    }
  }));
});
