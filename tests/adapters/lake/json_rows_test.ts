import assert from "node:assert/strict";
import fc from "fast-check";
import { readJsonRows } from "@/adapters/lake/json_rows.ts";
import { Refusal } from "@/domain/decider.ts";

const value = fc.oneof(
  fc.constant(null),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => Object.is(n, -0) ? 0 : n),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "1,2", "]", '"', "\\", "[1]", "null", "12\n13"),
);
const rows = fc.array(fc.array(value, { maxLength: 6 }), { maxLength: 8 });

async function* pieces(text: string, cuts: readonly number[]): AsyncGenerator<string> {
  const places = [0, ...cuts.map((n) => n % (text.length + 1)).sort((a, b) => a - b), text.length];
  for (const [n, at] of places.entries()) {
    yield await Promise.resolve(text.slice(at, places[n + 1]));
  }
}

async function readAll(text: string, cuts: readonly number[] = []) {
  const read: (readonly string[])[] = [];
  const columns = await readJsonRows(pieces(text, cuts), (values) => {
    read.push(values);
    return Promise.resolve();
  });
  return { columns, rows: read };
}

function textOf(value: string | number | null): string {
  return value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

Deno.test("JSON rows are read as their values' texts, wherever the stream is cut", async () => {
  await fc.assert(
    fc.asyncProperty(rows, fc.array(fc.nat()), fc.nat(2), async (given, cuts, space) => {
      const expected = given.map((row) => row.map(textOf));
      const array = JSON.stringify(given, undefined, space);
      assert.deepEqual(await readAll(array, cuts), { columns: undefined, rows: expected });
      const object = JSON.stringify(
        { rows: given, columns: ["a", "b"] },
        undefined,
        space,
      );
      assert.deepEqual(await readAll(object, cuts), { columns: ["a", "b"], rows: expected });
    }),
  );
});

Deno.test("JSON numbers keep every digit, and texts that look like numbers stay as they are", async () => {
  const text = `[[0.1234567890123456789, 1e-7, -12345678901234567890, "1.50", "a 7"]]`;
  const [row] = (await readAll(text)).rows;
  assert.deepEqual(row, ["0.1234567890123456789", "1e-7", "-12345678901234567890", "1.50", "a 7"]);
});

Deno.test("JSON values of a row that are no numbers or texts become unreadable texts", async () => {
  const { rows } = await readAll(`[[[1],{"a":2},true],[false]]`);
  assert.deepEqual(rows, [['? ["1"]', '? {"a":"2"}', "? true"], ["? false"]]);
});

Deno.test("JSON that was cut off anywhere is refused", async () => {
  const text = `{"columns":["a"],"rows":[[1,"x\\"y"],[null]]}`;
  await readAll(text);
  for (let end = 0; end < text.length; end++) {
    await assert.rejects(
      readAll(text.slice(0, end)),
      (error: unknown) => error instanceof Refusal && error.code === "malformed_json",
      text.slice(0, end),
    );
  }
});

const MISSHAPEN: Readonly<Record<string, string | undefined>> = {
  ...{ "{}": "rows", '{"columns":["a"]}': "rows", '{"rows":{}}': "rows", '{"rows":7}': "rows" },
  ...{ '{"columns":"a","rows":[]}': "columns", '{"rows":[],"columns":1}': "columns" },
  ...{ '{"rows":[],"row":1}': "row", '{"x":{},"rows":[]}': "x" },
  ...{ '{"columns":["a","b","a"],"rows":[]}': "columns", '{"columns":[1],"rows":[]}': "columns" },
  ...{ '[{"open":1}]': "rows", '{"rows":[[1],7]}': "rows", '["x"]': "rows", "[null]": "rows" },
  ...{ null: undefined, "7": undefined, ' "rows" ': undefined, true: undefined },
};

for (const [text, field] of Object.entries(MISSHAPEN)) {
  Deno.test(`JSON of another shape is told from what is no JSON: ${text}`, async () => {
    await assert.rejects(
      readAll(text),
      (error: unknown) =>
        error instanceof Refusal && error.code === "validation_error" && error.field === field,
    );
  });
}

const NO_JSON = [
  ...["nul", "{}x", "{", '{"rows":nope}', "7 7", '"', "", "{1:2}", "[nope]", "[[1,abc]]"],
  ...[
    '[["x",abc]]',
    "[[1,NaN]]",
    "[[01]]",
    "[[1.]]",
    "[[.5]]",
    "[[+1]]",
    '[["",1.2.3]]',
    "[[1 2]]",
  ],
  ...["[[1,]]", "[[,1]]", "[[1,,2]]", '[["",01]]', '{"columns":["a"],"columns":["b"],"rows":[]}'],
];

for (const text of NO_JSON) {
  Deno.test(`what is no JSON is malformed: ${text}`, async () => {
    await assert.rejects(readAll(text), { code: "malformed_json" });
  });
}

Deno.test("a JSON value of megabytes is refused instead of held in memory", async () => {
  await assert.rejects(readAll(`[["${"x".repeat(3_000_000)}`), Refusal);
});
