import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { byteRange, namesVersion, rangeHolds } from "@/routes/byte_range.ts";

const WHOLE = "whole";
const NONE = "unsatisfiable";

/** Of a file of 1000 bytes: the header, and what it asks for. */
const TABLE: readonly [header: string | undefined, expected: string | readonly number[]][] = [
  [undefined, WHOLE],
  ["bytes=0-0", [0, 1]],
  ["bytes=0-499", [0, 500]],
  ["bytes=500-999", [500, 1000]],
  ["bytes=500-", [500, 1000]],
  ["bytes=999-", [999, 1000]],
  ["bytes=0-", [0, 1000]],
  ["bytes=990-5000", [990, 1000]],
  ["bytes=-8", [992, 1000]],
  ["bytes=-1000", [0, 1000]],
  ["bytes=-5000", [0, 1000]],
  ["Bytes=1-2", [1, 3]],
  ["bytes= 1-2 ", [1, 3]],
  ["bytes=0-99999999999999999999999", [0, 1000]],
  ["bytes=1000-", NONE],
  ["bytes=1000-1001", NONE],
  ["bytes=99999999999999999999999-", NONE],
  ["bytes=-0", NONE],
  ["bytes=5-4", WHOLE],
  ["bytes=-", WHOLE],
  ["bytes=", WHOLE],
  ["bytes", WHOLE],
  ["", WHOLE],
  ["bytes=a-b", WHOLE],
  ["bytes=1.5-2", WHOLE],
  ["bytes=--5", WHOLE],
  ["bytes=0-1,5-6", WHOLE],
  ["items=0-5", WHOLE],
];

for (const [header, expected] of TABLE) {
  Deno.test(`byteRange of ${JSON.stringify(header)} in 1000 bytes is ${expected}`, () => {
    const range = byteRange(header, 1000);
    deepEqual(range.kind === "part" ? [range.from, range.to] : range.kind, expected);
  });
}

Deno.test("byteRange of nothing cannot be satisfied, whatever is asked", () => {
  for (const header of ["bytes=0-", "bytes=0-0", "bytes=-1"]) {
    equal(byteRange(header, 0).kind, NONE);
  }
});

Deno.test("byteRange gives what Array.slice gives, for every range and size", () => {
  const size = fc.integer({ min: 1, max: 50 });
  fc.assert(fc.property(size, fc.nat(60), fc.nat(60), (sizeBytes, first, last) => {
    const all = Array.from({ length: sizeBytes }, (_, i) => i);
    const taken = (header: string) => {
      const range = byteRange(header, sizeBytes);
      return range.kind === "part" ? all.slice(range.from, range.to) : [];
    };
    if (first <= last) deepEqual(taken(`bytes=${first}-${last}`), all.slice(first, last + 1));
    deepEqual(taken(`bytes=${first}-`), all.slice(first));
    deepEqual(taken(`bytes=-${last}`), last === 0 ? [] : all.slice(-last));
  }));
});

Deno.test("namesVersion compares weakly and knows lists and the star", () => {
  const etag = '"abc"';
  for (const header of ['"abc"', 'W/"abc"', '"x", "abc"', '"x",W/"abc"', "*"]) {
    equal(namesVersion(header, etag), true, header);
  }
  for (const header of [undefined, "", '"x"', "abc", '"ab", "c"']) {
    equal(namesVersion(header, etag), false, `${header}`);
  }
});

Deno.test("rangeHolds compares strongly: a weak name or a date asks for the whole", () => {
  equal(rangeHolds(undefined, '"abc"'), true);
  equal(rangeHolds('"abc"', '"abc"'), true);
  for (const header of ['W/"abc"', '"x"', "Wed, 21 Oct 2015 07:28:00 GMT", ""]) {
    equal(rangeHolds(header, '"abc"'), false, header);
  }
});
