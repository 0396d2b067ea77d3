import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { jsonParts } from "@/adapters/remote/json_parts.ts";

function partsOf(chunks: readonly string[], partCharacters: number): Promise<string[]> {
  return Array.fromAsync(jsonParts(ReadableStream.from(chunks), partCharacters));
}

function chunked(text: string, size: number): string[] {
  return text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
}

Deno.test("jsonParts cuts between rows only, whatever they hold and wherever chunks end (property)", async () => {
  const cell = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.constant(null),
    fc.jsonValue(),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(cell)),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 60 }),
      fc.constantFrom(undefined, 2),
      async (rows, size, partCharacters, indent) => {
        const text = JSON.stringify(rows, null, indent);
        const parts = await partsOf(chunked(text, size), partCharacters);
        deepEqual(parts.flatMap((part) => JSON.parse(part)), JSON.parse(text));
        equal(Math.max(...parts.map((part) => part.length)) <= text.length, true);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("jsonParts cuts a long list into parts near the size that is asked for", async () => {
  const rows = Array.from({ length: 5_000 }, (_, i) => [i, "1,2],[3"]);
  const parts = await partsOf(chunked(JSON.stringify(rows), 1_000), 10_000);
  equal(parts.length > 5, true);
  for (const part of parts) equal(part.length < 12_000, true);
  deepEqual(parts.flatMap((part) => JSON.parse(part)), rows);
});

for (const text of ['[{"a":1},{"a":2}', "[1,2", "[", '["no end', "[[1,2],,[3,4]] and more", "{}"]) {
  Deno.test(`jsonParts leaves ${text} as it is`, async () => {
    deepEqual(await partsOf([text], 1_000), [text]);
  });
}

Deno.test("jsonParts makes nothing of nothing", async () => {
  deepEqual(await partsOf(["", " \n"], 1), []);
});
