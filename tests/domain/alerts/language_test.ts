import { deepEqual, equal, match } from "node:assert/strict";
import fc from "fast-check";
import { bytesText, durationText, localTime, plainText } from "@/domain/alerts/language.ts";
import { PHRASES } from "@/domain/alerts/phrases.ts";

Deno.test("times are shown as the clock of their zone does", () => {
  const at = Date.parse("2026-03-08T16:59:59.999Z");
  equal(localTime(at, "Asia/Shanghai"), "2026-03-09 00:59:59");
  equal(localTime(at, "UTC"), "2026-03-08 16:59:59");
  equal(localTime(at, "America/New_York"), "2026-03-08 12:59:59");
});

const DURATIONS: readonly [ms: number, zh: string, en: string][] = [
  [0, "0 毫秒", "0 ms"],
  [-5, "0 毫秒", "0 ms"],
  [999, "999 毫秒", "999 ms"],
  [1_000, "1 秒", "1 s"],
  [59_600, "1 分", "1 min"],
  [65_000, "1 分 5 秒", "1 min 5 s"],
  [3_600_000, "1 小时", "1 h"],
  [3_605_000, "1 小时", "1 h"],
  [90_061_000, "1 天 1 小时", "1 d 1 h"],
];

for (const [ms, zh, en] of DURATIONS) {
  Deno.test(`${ms} ms are ${en}`, () => {
    deepEqual([durationText(ms, "zh"), durationText(ms, "en")], [zh, en]);
  });
}

Deno.test("bytes are shown in the largest unit that is below a thousand", () => {
  deepEqual([0, 999, 1_000, 1_500_000, 999_949, 999_950, 3e12, 5e18].map(bytesText), [
    ...["0 B", "999 B", "1.0 kB", "1.5 MB", "999.9 kB", "1.0 MB", "3.0 TB", "5000.0 PB"],
  ]);
});

Deno.test("foreign texts become one line without marks, cut where they are long", () => {
  equal(plainText("  a\r\n\tb\u0007c  "), "a b c");
  equal(plainText("x".repeat(400)), `${"x".repeat(300)}…`);
  equal(plainText(`${"x".repeat(4)}\u{1F4C8}`, 5), "xxxx\uFFFD…");
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    match(plainText(text, 20), /^[^\n<>[\]`*\p{Cc}]{0,21}$/u);
  }));
});

Deno.test("both languages say the same things", () => {
  deepEqual(Object.keys(PHRASES.zh).sort(), Object.keys(PHRASES.en).sort());
});
