import assert from "node:assert/strict";
import fc from "fast-check";
import { wrapRows } from "@/routes/klines_envelope.ts";

const encode = (text: string) => new TextEncoder().encode(text);

async function parsed(rows: string, meta: string): Promise<unknown> {
  return await new Response(wrapRows(encode(rows), meta)).json();
}

Deno.test("klines envelope: holds the rows and the meta as they were, any text", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      fc.dictionary(fc.string(), fc.string()),
      async (rows, meta) => {
        const wellFormed: unknown = JSON.parse(JSON.stringify(meta).toWellFormed());
        const answer = await parsed(JSON.stringify(rows), JSON.stringify(wellFormed));
        assert.deepEqual(answer, {
          ...{ success: true, data: JSON.parse(JSON.stringify(rows)), meta: wellFormed },
        });
      },
    ),
  );
});

Deno.test("klines envelope: bodies of any size are whole, small, large or at the bound", async () => {
  for (const length of [0, 1, 1024 * 1024 - 40, 1024 * 1024, 3 * 1024 * 1024]) {
    const data = "x".repeat(length);
    // Three bytes for each unit of UTF-16.
    const meta = { symbol: "€".repeat(60) };
    assert.deepEqual(await parsed(JSON.stringify(data), JSON.stringify(meta)), {
      ...{ success: true, data, meta },
    });
  }
});

Deno.test("klines envelope: answers made at the same moment do not mix", async () => {
  const bodies = ["one", "two", "three"].map((text) => {
    return new Response(wrapRows(encode(JSON.stringify(text)), "{}"));
  });
  const answers = await Promise.all(bodies.map((body) => body.json()));
  assert.deepEqual(answers.map(({ data }) => data), ["one", "two", "three"]);
});
