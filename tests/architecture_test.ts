import { deepEqual } from "node:assert/strict";
import { importsOf, readSources, type SourceFile, sourceFile } from "./support/source_code.ts";

/** A rule of the house: what is wrong with a file, one line each. */
type Rule = (file: SourceFile) => readonly string[];

/**
 * What the files of a folder may import: folders of the project, single files of it, npm packages.
 * Of Node's library the inner folders have what computes, never files, sockets or processes.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  events: ["events/", "npm:zod", "npm:drizzle-orm", "node:crypto", "node:timers"],
  domain: ["domain/", "events/", "npm:zod"],
  projections: ["projections/", "domain/", "events/", "npm:drizzle-orm"],
  routes: [
    ...["routes/", "projections/", "domain/", "events/"],
    ...["npm:hono", "npm:@hono/zod-openapi"],
    ...["node:crypto", "node:stream", "node:util", "node:zlib"],
  ],
  cron: ["cron/", "projections/", "domain/", "events/", "node:util", "node:zlib"],
  adapters: [
    ...["adapters/", "npm:", "node:", "domain/ports/"],
    // The interfaces of events/ and the shape of its klines.
    ...["events/store/database.ts", "events/blobs/blobs.ts"],
    ...["events/catalog/klines.ts", "events/catalog/alert.ts", "events/trust.ts"],
    // What the ports speak of: pure values, and the caller's fault.
    ...["domain/decider.ts", "domain/damaged_gzip.ts", "domain/joined_bytes.ts"],
    ...[
      "candle",
      "coarser",
      "decimal",
      "import_counts",
      "interval",
      "open_times",
      "period",
      "scale",
    ]
      .map((name) => `domain/klines/${name}.ts`),
    ...[
      "rejected_rows",
      "select_series",
      "series_ref",
      "symbol",
      "time",
      "trading_calendar",
      "validate",
    ].map((
      name,
    ) => `domain/klines/${name}.ts`),
  ],
};

/** Words that bring in the time, chance or the world. */
const IMPURE =
  /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.|\bMath\.random\b|\brandomUUID\b|\bgetRandomValues\b|\bDeno\b|\bprocess\.|\bfetch\(|\bset(?:Timeout|Interval)\(/;

/** Statements, the template of drizzle, and what hands statements to a database. */
const SQL =
  /\bselect\b.+\bfrom\b.+["'`]|\b(?:insert\s+into|delete\s+from|update\s+\w+\s+set)\b|\bsql`|\b(?:db|database)\.(?:query|values|select|insert|script|execute)\(/i;

const FORBIDDEN_NAMES = /^(utils?|helpers?|types?|common|index|mod|misc|shared)\.tsx?$/;

const RULES: Readonly<Record<string, Rule>> = {
  "imports only what its folder may import": (file) => {
    const allowed = MAY_IMPORT[folderOf(file)];
    if (allowed === undefined) return [];
    return importsOf(file).filter((path) => !allowed.some((one) => isIn(path, one)));
  },
  "names concrete adapters only in main.ts": (file) => {
    if (["adapters", "tests", "bench"].includes(folderOf(file)) || file.path === "main.ts") {
      return [];
    }
    return importsOf(file).filter((path) => path.startsWith("adapters/"));
  },
  "imports nothing of tests/ and bench/ into the product": (file) =>
    isProduct(file) ? importsOf(file).filter((path) => /^(tests|bench)\//.test(path)) : [],
  "pins every package in deno.json": (file) =>
    importsOf(file).filter((path) => /^(https?|jsr|data):/.test(path) || /^npm:.*@\d/.test(path)),
  "has one vendor an adapter": (file) => {
    if (folderOf(file) !== "adapters") return [];
    const vendors = importsOf(file).filter((path) => path.startsWith("npm:") && path !== "npm:zod");
    const distinct = [...new Set(vendors)];
    return distinct.length > 1 ? [distinct.join(" and ")] : [];
  },
  "reads the environment only in config.ts": (file) =>
    isProduct(file) && file.path !== "config.ts"
      ? lines(file, /\bDeno\.env\b|\bprocess\.env\b/)
      : [],
  "keeps SQL out of routes/": (file) =>
    folderOf(file) === "routes"
      ? file.text.split("\n").filter((line) => SQL.test(line)).map((line) => line.trim())
      : [],
  "reaches the world only through adapters": (file) =>
    ["events", "projections", "routes", "cron"].includes(folderOf(file))
      ? lines(file, /\bDeno\.(?!upgradeWebSocket\b|WebSocketUpgrade\b|cron\b)/)
      : [],
  "keeps domain/ free of time, chance and the world": (file) =>
    folderOf(file) === "domain" ? lines(file, IMPURE) : [],
  "is short": (file) => {
    const limit = isProduct(file) ? 300 : 400;
    const count = file.text.trimEnd().split("\n").length;
    return count > limit ? [`${count} lines, at most ${limit}`] : [];
  },
  "has a name that says what is in it": ({ path }) =>
    FORBIDDEN_NAMES.test(path.slice(path.lastIndexOf("/") + 1)) ||
      !/^([a-z0-9_]+\/)*[a-z0-9_]+(\.worker)?\.tsx?$/.test(path)
      ? [path]
      : [],
  "casts only in events/trust.ts": (file) => file.path === "events/trust.ts" ? [] : casts(file),
  "has no any and no non-null assertion": (file) =>
    lines(file, /(?<![.\w])any\b(?!\s*\()|[\w)\]]!(?=[.;,)\]}[\s]|$)(?!\s*=)/),
  "re-exports nothing": (file) =>
    isProduct(file) ? lines(file, /^export (\*|\{[^}]*\}) from\b/) : [],
  "prints only through its log": (file) => isProduct(file) ? lines(file, /\bconsole\./) : [],
};

const sources = readSources();

for (const [name, rule] of Object.entries(RULES)) {
  Deno.test(`every file ${name}`, async () => {
    const files = await sources;
    deepEqual(files.flatMap((file) => rule(file).map((wrong) => `${file.path}: ${wrong}`)), []);
  });
}

Deno.test("no file imports itself by way of others, types included", async () => {
  deepEqual(cycles(await sources), []);
});

const PLANTED: readonly [keyof typeof RULES, string, string][] = [
  ["imports only what its folder may import", "events/x.ts", 'import "@/domain/decider.ts";'],
  ["imports only what its folder may import", "domain/x.ts", 'import "node:path";'],
  ["imports only what its folder may import", "domain/x.ts", 'import "drizzle-orm";'],
  ["imports only what its folder may import", "projections/x.ts", 'import "../routes/app.ts";'],
  ["imports only what its folder may import", "routes/x.ts", 'import "drizzle-orm/pg-core";'],
  ["imports only what its folder may import", "cron/x.ts", 'await import("@/routes/app.ts");'],
  ["imports only what its folder may import", "adapters/x.ts", 'import "@/projections/db.ts";'],
  ["imports only what its folder may import", "adapters/x.ts", 'import "@/domain/series.ts";'],
  ["imports only what its folder may import", "adapters/x.ts", 'import "@/events/store/store.ts";'],
  [
    "imports only what its folder may import",
    "adapters/x.ts",
    'import "@/domain/klines/aggregate.ts";',
  ],
  ["imports only what its folder may import", "routes/x.ts", 'import "node:fs";'],
  ["imports only what its folder may import", "routes/x.ts", 'import "hono-not-ours";'],
  ["imports only what its folder may import", "cron/x.ts", 'import "node:child_process";'],
  ["imports only what its folder may import", "events/x.ts", 'import "node:crypto-not";'],
  ["keeps SQL out of routes/", "routes/x.ts", 'run("select a from b where c");'],
  ["keeps SQL out of routes/", "routes/x.ts", "run(`DELETE FROM series`);"],
  ["keeps SQL out of routes/", "routes/x.ts", "const rows = await deps.database.query(text);"],
  ["reaches the world only through adapters", "cron/x.ts", 'await Deno.readTextFile("a");'],
  ["names concrete adapters only in main.ts", "cron/x.ts", 'import "@/adapters/clock.ts";'],
  ["names concrete adapters only in main.ts", "config.ts", 'import "./adapters/clock.ts";'],
  [
    "imports nothing of tests/ and bench/ into the product",
    "cron/x.ts",
    'import "../tests/support/given.ts";',
  ],
  ["pins every package in deno.json", "tests/x.ts", 'import "npm:left-pad@1.3.0";'],
  ["pins every package in deno.json", "cron/x.ts", 'import "https://deno.land/x/y.ts";'],
  ["has one vendor an adapter", "adapters/x.ts", 'import "pg";\nimport "ccxt";'],
  ["reads the environment only in config.ts", "main.ts", 'Deno.env.get("PORT");'],
  [
    "keeps domain/ free of time, chance and the world",
    "domain/x.ts",
    "const at = Date.now();",
  ],
  [
    "keeps domain/ free of time, chance and the world",
    "domain/x.ts",
    "const at = new Date();",
  ],
  ["is short", "cron/x.ts", "x\n".repeat(301)],
  ["is short", "tests/x_test.ts", "x\n".repeat(401)],
  ["has a name that says what is in it", "routes/utils.ts", ""],
  ["has a name that says what is in it", "domain/klines/SeriesRef.ts", ""],
  ["casts only in events/trust.ts", "domain/x.ts", "const a = b as string;"],
  ["casts only in events/trust.ts", "tests/x.ts", "f({} as unknown as Clock);"],
  ["casts only in events/trust.ts", "domain/x.ts", "const a = <string>b;"],
  ["has no any and no non-null assertion", "domain/x.ts", "function f(a: any) {}"],
  ["has no any and no non-null assertion", "domain/x.ts", "const a = b!.c;"],
  ["has no any and no non-null assertion", "domain/x.ts", "const a = b.at(-1)!;"],
  ["re-exports nothing", "domain/x.ts", 'export * from "./y.ts";'],
  ["prints only through its log", "cron/x.ts", "console.log(1);"],
];

for (const [name, path, text] of PLANTED) {
  Deno.test(`"${name}" finds ${text.split("\n")[0] || path} in ${path}`, () => {
    deepEqual(RULES[name]?.(sourceFile(path, text)).length, 1);
  });
}

const ALLOWED: readonly [string, string][] = [
  ["domain/x.ts", 'import { a as b } from "./y.ts";\nimport * as c from "@/events/define.ts";'],
  ["domain/x.ts", "const sql = `select a as b, any(c) from d`; // x as y, any!"],
  ["domain/x.ts", "const a = [1] as const satisfies readonly number[];\nconst b = !c && a !== d;"],
  ["domain/x.ts", "type A = { [K in keyof B as C<K>]: B[K] };\nfor (const as of a) b(as);"],
  ["domain/x.ts", "const a = new Date(0); const b = Promise.any([]); const c = x < y && y > z;"],
  [
    "adapters/x.ts",
    'import "pg";\nimport "zod";\nimport "node:fs";\nimport "@/domain/decider.ts";',
  ],
  ["tests/x.ts", 'Deno.env.get("A");\nimport "@/adapters/clock.ts";'],
];

for (const [path, text] of ALLOWED) {
  Deno.test(`no rule minds ${JSON.stringify(text)} in ${path}`, () => {
    deepEqual(Object.values(RULES).flatMap((rule) => rule(sourceFile(path, text))), []);
  });
}

Deno.test("cycles() shows the way round", () => {
  const file = (name: string, imported: string) =>
    sourceFile(`cron/${name}.ts`, `import type { X } from "./${imported}.ts";`);
  deepEqual(cycles([file("a", "b"), file("b", "c"), file("c", "b"), file("d", "gone")]), [
    "cron/b.ts → cron/c.ts → cron/b.ts",
  ]);
});

/** `domain/ports/` has what lies below; `npm:` and `node:` have all; everything else is one file or package. */
function isIn(path: string, allowed: string): boolean {
  return path === allowed || path.startsWith(/[/:]$/.test(allowed) ? allowed : `${allowed}/`);
}

function folderOf({ path }: SourceFile): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

function isProduct(file: SourceFile): boolean {
  return !["tests", "bench"].includes(folderOf(file));
}

function lines({ code }: SourceFile, pattern: RegExp): string[] {
  return code.split("\n").filter((line) => pattern.test(line)).map((line) => line.trim());
}

/** `as` outside of import lists, mapped types and declared names, and casts in angle brackets. */
function casts({ code }: SourceFile): string[] {
  const bare = code
    .replace(/\b(?:import|export)\s+(?:type\s+)?(?:\*\s+as\s+\w+|[\w\s,]*\{[^}]*\})/g, "")
    .replace(/\[\s*\w+ in [^\]]*\sas\s/g, "[")
    .replace(/\b(?:const|let|of)\s+as\b/g, "");
  const cast = /[\w)\]}"'`>]\s+as\s+(?!const\b)|^\s*as\s+(?!const\b)/;
  const angled = /(?:[=(,:?]|return)\s*<\w+>\s*[\w("'`[{](?!.*=>)/;
  return bare.split("\n").filter((line) => cast.test(line) || angled.test(line))
    .map((line) => line.trim());
}

/** Each way along imports that comes back to where it began, once. */
function cycles(files: readonly SourceFile[]): string[] {
  const imports = new Map(files.map((file) => [file.path, importsOf(file)]));
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(" → "));
    if (done.has(path)) return;
    done.add(path);
    for (const next of imports.get(path) ?? []) visit(next, [...way, path]);
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}
