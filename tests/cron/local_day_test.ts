import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { dateIn, dayIn } from "@/cron/local_day.ts";

const HOUR = 3_600_000;
const iso = ({ from, to }: { from: number; to: number }) => [
  ...[new Date(from).toISOString(), new Date(to).toISOString()],
];

const DAYS: readonly [name: string, zone: string, date: string, from: string, to: string][] = [
  ["a day", "Asia/Shanghai", "2026-03-01", "2026-02-28T16:00", "2026-03-01T16:00"],
  ["a day of UTC", "UTC", "2024-02-29", "2024-02-29T00:00", "2024-03-01T00:00"],
  ["a zone far west", "Pacific/Pago_Pago", "2026-01-01", "2026-01-01T11:00", "2026-01-02T11:00"],
  ["a zone far east", "Pacific/Kiritimati", "2026-01-01", "2025-12-31T10:00", "2026-01-01T10:00"],
  ["quarters of an hour", "Asia/Kathmandu", "2026-01-01", "2025-12-31T18:15", "2026-01-01T18:15"],
  [
    "the short day of spring",
    "Europe/Berlin",
    "2026-03-29",
    "2026-03-28T23:00",
    "2026-03-29T22:00",
  ],
  ["the long day of autumn", "Europe/Berlin", "2026-10-25", "2026-10-24T22:00", "2026-10-25T23:00"],
  ["no midnight", "America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00", "2018-11-05T02:00"],
];

for (const [name, zone, date, from, to] of DAYS) {
  Deno.test(`a local day begins and ends with ${name} in ${zone}`, () => {
    deepEqual(iso(dayIn(zone, date)), [`${from}:00.000Z`, `${to}:00.000Z`]);
  });
}

const ZONES = DAYS.map(([, zone]) => zone);

Deno.test("local days follow each other without gaps, and each instant lies in its day", () => {
  const instant = fc.integer({ min: Date.UTC(2015, 0, 1), max: Date.UTC(2035, 0, 1) });
  fc.assert(
    fc.property(fc.constantFrom(...ZONES), instant, (zone, at) => {
      const date = dateIn(zone, at);
      const { from, to } = dayIn(zone, date);
      ok(from <= at && at < to, `${zone} ${date}`);
      deepEqual([dateIn(zone, from), dateIn(zone, to - 1)], [date, date]);
      ok(to - from >= 23 * HOUR && to - from <= 25 * HOUR);
      equal(dayIn(zone, dateIn(zone, to)).from, to);
      equal(dayIn(zone, dateIn(zone, from - 1)).to, from);
    }),
    { numRuns: 60 },
  );
});
