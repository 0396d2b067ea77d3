import { deepEqual, equal } from "node:assert/strict";
import { joinedBytes } from "@/domain/joined_bytes.ts";

Deno.test("joined bytes lie in order in a buffer that holds nothing else", () => {
  const part = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
  const whole = joinedBytes([part, new Uint8Array(0), new Uint8Array([3])]);
  deepEqual([...whole], [1, 2, 3]);
  equal(whole.buffer.byteLength, 3);
  equal(joinedBytes([]).length, 0);
});
