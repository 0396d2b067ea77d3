import { equal } from "node:assert/strict";
import { gunzipSync, gzipSync } from "node:zlib";
import { isDamagedGzip } from "@/domain/damaged_gzip.ts";

function failure(bytes: Uint8Array): unknown {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    return error;
  }
}

Deno.test("isDamagedGzip knows zlib's own failures: no gzip, flipped bits, cut off", () => {
  const good = gzipSync("candles ".repeat(100));
  const flipped = good.with(good.length - 6, (good.at(-6) ?? 0) ^ 1);
  for (const bytes of [new TextEncoder().encode("plain text"), flipped, good.slice(0, -9)]) {
    equal(isDamagedGzip(failure(bytes)), true);
  }
});

Deno.test("isDamagedGzip leaves failures of disk and sender alone", () => {
  const full = Object.assign(new Error("no space left"), { code: "ENOSPC" });
  for (const error of [full, new Error("Z_DATA_ERROR"), "Z_DATA_ERROR", undefined]) {
    equal(isDamagedGzip(error), false);
  }
});
