import { deepEqual, equal, ok } from "node:assert/strict";
import { z } from "zod";
import { namedDifferences } from "@/adapters/sources/named_differences.ts";

function differences(schema: z.ZodType, value: unknown): string[] {
  const { error } = schema.safeParse(value);
  return error === undefined ? [] : namedDifferences(error);
}

const rows = z.object({ rows: z.array(z.object({ price: z.number(), name: z.string() })) });

Deno.test("differences: name the place and what was expected there", () => {
  deepEqual(differences(rows, { rows: [{ price: "1", name: "a" }] }), [
    "rows[0].price: expected number, received string",
  ]);
  deepEqual(differences(rows, []), ["the answer: expected object, received array"]);
  deepEqual(differences(rows, {}), ["rows: expected array, received undefined"]);
});

Deno.test("differences: what is wrong in every row is told once, with the first and how often", () => {
  const value = { rows: Array.from({ length: 70 }, () => ({ name: 1 })) };
  deepEqual(differences(rows, value), [
    "rows[0].price: expected number, received undefined (70 times)",
    "rows[0].name: expected string, received number (70 times)",
  ]);
});

Deno.test("differences: a long list is cut and says how much is left", () => {
  const names = Array.from({ length: 25 }, (_, i) => `f${i}`);
  const wide = z.object(Object.fromEntries(names.map((name) => [name, z.string()])));
  const lines = differences(wide, {});
  equal(lines.length, 21);
  equal(lines.at(-1), "and 5 more");
});

Deno.test("differences: say what was received where the schema does not, and nothing that is private", () => {
  const schema = z.object({
    price: z.union([z.number(), z.null()], "expected a number"),
    side: z.enum(["long", "short"]),
    deep: z.array(z.object({ code: z.string("expected text") })),
    cookie: z.object({ PHPSESSID: z.string().regex(/^x/, "expected a session id") }),
  });
  const value = {
    ...{ price: "12 %", side: { a: 1 }, deep: [{ code: null }, {}] },
    cookie: { PHPSESSID: "0123456789" },
  };
  const { error } = schema.safeParse(value, { reportInput: true });
  deepEqual(error && namedDifferences(error), [
    'price: expected a number, received "12 %"',
    'side: Invalid option: expected one of "long"|"short", received an object',
    "deep[0].code: expected text, received null (2 times)",
    "cookie.PHPSESSID: expected a session id, received a string",
  ]);
  const long = schema.safeParse({ ...value, price: "9".repeat(99) }, { reportInput: true }).error;
  ok((long && namedDifferences(long)[0])?.endsWith("9…"));
});

Deno.test("differences: of a value that may be several things name its own kind, or all that it may be", () => {
  const either = z.object({
    code: z.union([z.number(), z.string()]),
    data: z.union([
      z.array(z.never()).length(0),
      z.object({ buy: z.array(z.object({ lots: z.union([z.number(), z.null()]) })) }),
    ]),
  });
  deepEqual(differences(either, { code: 0, data: { buy: [{ lots: true }, {}] } }), [
    "data.buy[0].lots: expected number or null (2 times)",
  ]);
  const { error } = either.safeParse({ data: null }, { reportInput: true });
  deepEqual(error && namedDifferences(error), [
    "code: expected number or string, received nothing",
    "data: expected array or object, received null",
  ]);
});
