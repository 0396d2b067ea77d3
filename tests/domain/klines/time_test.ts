import { equal } from "node:assert/strict";
import fc from "fast-check";
import { formatTime, parseTime } from "@/domain/klines/time.ts";
import { anyTime, utc } from "../../support/candles.ts";

const OFF_GRID = utc("2017-12-04T06:00:20.799");

const READ: readonly [string | number | bigint, number][] = [
  [1512367220, utc("2017-12-04T06:00:20")],
  ["1512367220.799", OFF_GRID],
  [1512367220.799, OFF_GRID],
  [1512367220799, OFF_GRID],
  ["1512367220799", OFF_GRID],
  ["1.512367220799e12", OFF_GRID],
  [" 1512367220799 ", OFF_GRID],
  [1512367220799000, OFF_GRID],
  ["1512367220799999", OFF_GRID],
  ["1512367220799999999", OFF_GRID],
  [1512367220799999999n, OFF_GRID],
  ["1512367220.7999999", OFF_GRID],
  [0, 0],
  [-1.5, -1500],
  ["-0.0001", -1],
  ["-1512367220799.5", -1512367220800],
  ["2021-01-01", utc("2021-01-01")],
  ["2021-01-01 09:30", utc("2021-01-01T09:30:00")],
  ["2021-01-01 09:30:15", utc("2021-01-01T09:30:15")],
  ["2021-01-01T09:30:15Z", utc("2021-01-01T09:30:15")],
  ["2021-01-01 09:30:15.5", utc("2021-01-01T09:30:15.500")],
  ["2021-01-01 09:30:15.123456789", utc("2021-01-01T09:30:15.123")],
  ["2021-01-01T09:30:15+08:00", utc("2021-01-01T01:30:15")],
  ["2021-01-01T09:30:15-0130", utc("2021-01-01T11:00:15")],
  ["2021-01-01 09:30:15 UTC", utc("2021-01-01T09:30:15")],
  ["2024-02-29", utc("2024-02-29")],
];

for (const [value, time] of READ) {
  Deno.test(`parseTime() reads ${typeof value} ${value} as ${formatTime(time)}`, () => {
    equal(parseTime(value), time);
  });
}

const UNREADABLE = [
  ...["", " ", "soon", "NaN", "Infinity", "0x10", "1_000", "12:00"],
  ...["2021-13-01", "2023-02-29", "2021-01-01 24:00", "2021-01-01 10:60", "2021-01-01 10:00:60"],
  ...["2021-1-1", "2021-01-01T", "2021-01-01T09:30:15+15:00", "2021-01-01\n2021-01-02"],
  ...["1e400", "9".repeat(30), NaN, Infinity],
];

for (const value of UNREADABLE) {
  Deno.test(`parseTime() cannot read ${JSON.stringify(value)} (${typeof value})`, () => {
    equal(parseTime(value), undefined);
  });
}

Deno.test("parseTime() tells s, ms, µs and ns of one instant apart", () => {
  fc.assert(fc.property(anyTime, fc.nat(999), (t, micro) => {
    const ms = BigInt(t);
    equal(parseTime(t), t);
    equal(parseTime(Math.floor(t / 1000)), Math.floor(t / 1000) * 1000);
    equal(parseTime(`${t / 1000}`), t);
    equal(parseTime(ms * 1000n + BigInt(micro)), t);
    equal(parseTime(String(ms * 1_000_000n + BigInt(micro) * 1000n)), t);
  }));
});

Deno.test("parseTime() reads back what formatTime() writes, with or without its parts", () => {
  fc.assert(fc.property(anyTime, (t) => {
    const iso = formatTime(t);
    equal(parseTime(iso), t);
    equal(parseTime(iso.replace("T", " ").replace("Z", "")), t);
    equal(parseTime(iso.slice(0, 10)), Math.floor(t / 86_400_000) * 86_400_000);
  }));
});
