import { deepEqual, equal } from "node:assert/strict";
import { codeOf, importsOf, readSources, sourceFile } from "./source_code.ts";

/** Text, and what is seen of it where every run of blanks is one. */
const CASES: readonly [string, string, string][] = [
  ["a line comment", "a // b as c\nd", "a \nd"],
  ["a block comment over lines", "a /* b\nc */ d", "a \n d"],
  ["a string with quotes in it", `x("a 'b' \\" c", 1)`, `x(" ", 1)`],
  ["a comment's start in a string", `x("//", 1)`, `x(" ", 1)`],
  ["a template", "x(`a as b`)", "x(` `)"],
  ["code inside a template", "`a ${f({ b: `c ${d}` })} e` + g", "` ${f({ b: ` ${d}` })} ` + g"],
  ["an escaped template", "`a \\` \\${b}` + c", "` ` + c"],
  ["a regular expression with a quote", "x.test(/[\"'`/]a/) + y", "x.test( ) + y"],
  ["a division", "a / b / c", "a / b / c"],
  ["a regular expression after return", "return /a\\/b/.test(c)", "return .test(c)"],
];

for (const [name, text, code] of CASES) {
  Deno.test(`codeOf() shows only the code around ${name}`, () => {
    equal(codeOf(text).replaceAll(/ +/g, " "), code);
    equal(codeOf(text).length, text.length);
  });
}

Deno.test("importsOf() sees every form of import and none in strings or comments", () => {
  const text = [
    'import { a } from "@/events/trust.ts";',
    'import type { B } from "../ports/b.ts";',
    "import * as c from './c.ts';",
    'import "@hono/zod-openapi/client";',
    'export { d } from "zod";',
    "import {",
    "  e,",
    '} from "node:path";',
    'const f = await import("ccxt");',
    '// import { g } from "./g.ts";',
    'const sql = `select * from "h"`;',
  ].join("\n");
  deepEqual(importsOf(sourceFile("domain/klines/x.ts", text)), [
    "events/trust.ts",
    "domain/ports/b.ts",
    "domain/klines/c.ts",
    "npm:@hono/zod-openapi",
    "npm:zod",
    "node:path",
    "npm:ccxt",
  ]);
});

Deno.test("readSources() finds the files of every folder, none of them twice", async () => {
  const paths = (await readSources()).map(({ path }) => path);
  equal(new Set(paths).size, paths.length);
  for (const path of ["events/trust.ts", "domain/klines/candle.ts", "tests/architecture_test.ts"]) {
    equal(paths.includes(path), true, path);
  }
});

Deno.test("codeOf() keeps the length and the lines of every file of the project", async () => {
  for (const { path, text, code } of await readSources()) {
    equal(code.length, text.length, path);
    equal(code.split("\n").length, text.split("\n").length, path);
  }
});
