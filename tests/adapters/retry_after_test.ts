import { equal } from "node:assert/strict";
import { retryAfterMs } from "@/adapters/retry_after.ts";

const NOW = Date.parse("2026-09-08T09:30:00Z");

Deno.test("Retry-After: seconds and dates become a wait, a past date none, other text nothing", () => {
  const expected: readonly [string | undefined, number | undefined][] = [
    ["0", 0],
    ["120", 120_000],
    [" 3 ", 3_000],
    ["Tue, 08 Sep 2026 09:31:00 GMT", 60_000],
    ["Tue, 08 Sep 2026 09:29:00 GMT", 0],
    ["soon", undefined],
    [undefined, undefined],
  ];
  for (const [value, waitMs] of expected) {
    const headers = new Headers(value === undefined ? {} : { "retry-after": value });
    equal(retryAfterMs(headers, NOW), waitMs, `${value}`);
  }
});
