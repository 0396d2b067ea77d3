import { deepEqual, equal, throws } from "node:assert/strict";
import fc from "fast-check";
import {
  isUnfinished,
  LineError,
  parseLine,
  type Point,
  staysUnfinished,
} from "@/domain/influx/line_protocol.ts";

type Plain = readonly [
  measurement: string,
  tags: Record<string, string>,
  fields: Record<string, string>,
  timestamp?: string,
];

function plain(point: Point | undefined): Plain | undefined {
  if (point === undefined) return undefined;
  const fields = [...point.fields].map(([name, { text }]) => [name, text]);
  const { measurement, tags, timestamp } = point;
  const named = [measurement, Object.fromEntries(tags), Object.fromEntries(fields)] as const;
  return timestamp === undefined ? named : [...named, timestamp];
}

const LINES: readonly [line: string, point: Plain | undefined][] = [
  ["m v=1", ["m", {}, { v: "1" }]],
  ["m,a=b,c=d v=1.5,w=-2e-3 1700000000", [
    ...["m", { a: "b", c: "d" }, { v: "1.5", w: "-2e-3" }, "1700000000"] as const,
  ]],
  ["m v=3i,w=4u,x=.5,y=5.", ["m", {}, { v: "3", w: "4", x: ".5", y: "5." }]],
  ["m v=t,w=FALSE", ["m", {}, { v: "t", w: "FALSE" }]],
  ['m v="a, b=c d" 5', ["m", {}, { v: "a, b=c d" }, "5"]],
  ['m v="say \\"so\\" \\\\ \\n"', ["m", {}, { v: 'say "so" \\ \\n' }]],
  ["my\\ m\\,x,a\\ b=c\\=d\\,e v\\=w=1", ["my m,x", { "a b": "c=d,e" }, { "v=w": "1" }]],
  ["m,path=C:\\dir v=1", ["m", { path: "C:\\dir" }, { v: "1" }]],
  ["  m   v=1   -5  \r", ["m", {}, { v: "1" }, "-5"]],
  ['m v="two\nlines"', ["m", {}, { v: "two\nlines" }]],
  ['m,q="x v=1', ["m", { q: '"x' }, { v: "1" }]],
  ["", undefined],
  ["   ", undefined],
  ["# m v=1", undefined],
  ["# \ud800", undefined],
  ["\ufeffm v=1", ["m", {}, { v: "1" }]],
];

for (const [line, point] of LINES) {
  Deno.test(`parseLine reads ${JSON.stringify(line)}`, () => {
    deepEqual(plain(parseLine(line)), point);
  });
}

const BROKEN: readonly [line: string, reason: RegExp][] = [
  ["m", /missing fields/],
  ["m,a=b", /missing fields/],
  ["m\ud800 v=1", /^LineError: not UTF-8$/],
  ["m,a v=1", /missing tag value/],
  ["m,a= v=1", /missing tag value/],
  ["m,=b v=1", /missing tag key/],
  [",a=b v=1", /missing measurement/],
  ["m v", /missing field value/],
  ["m v=", /missing field value/],
  ["m =1", /missing field key/],
  ["m v=1,", /missing field value/],
  ["m v=one", /invalid field value/],
  ["m v=NaN", /invalid field value/],
  ["m v=1.5i", /invalid field value/],
  ["m v=-1u", /invalid field value/],
  ['m v="open', /unbalanced quotes/],
  ['m v="a"b', /unbalanced quotes/],
  ["m v=1 soon", /bad timestamp/],
  ["m v=1 1 2", /bad timestamp/],
  ["m v=1 12345678901234567890", /bad timestamp/],
];

for (const [line, reason] of BROKEN) {
  Deno.test(`parseLine refuses ${JSON.stringify(line)}`, () => {
    throws(() => parseLine(line), (error) => {
      equal(error instanceof LineError, true);
      return reason.test(String(error));
    });
  });
}

Deno.test("isUnfinished: only where a text of the fields is open at the end", () => {
  const open = ['m v="a', 'm v=1,w="x,y', 'm,a=b v="\\"', 'm\\ n v="'];
  const closed = ['m v="a"', 'm,q="x v=1', "m v=1", '# say "hello', 'm v="\\\\"', 'm,a="b'];
  deepEqual([open.map(isUnfinished), closed.map(isUnfinished)], [
    open.map(() => true),
    closed.map(() => false),
  ]);
});

Deno.test("staysUnfinished: a text goes on until a quote that nothing escapes", () => {
  const open = ["", "a", '\\"', 'x",w="y', 'x\\\\\\"'];
  const closed = ['"', 'x" 5', 'x\\\\"', 'x",w="y" 1'];
  deepEqual([open.map(staysUnfinished), closed.map(staysUnfinished)], [
    open.map(() => true),
    closed.map(() => false),
  ]);
});

/** Text that a client would escape; a backslash at an end escapes what follows, in every version. */
const word = fc.stringMatching(/^[a-zA-Z0-9 ,="_.\/:-]{1,8}$/).filter((text) =>
  text.trim() === text && !text.startsWith("#")
);
const escaped = (text: string, signs: RegExp) => text.replaceAll(signs, "\\$&");

Deno.test("parseLine reads back whatever a client writes", () => {
  const record = fc.dictionary(word, word, { maxKeys: 4, noNullPrototype: true });
  const written = fc.record({
    measurement: word,
    tags: record,
    numbers: fc.dictionary(word, fc.integer(), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    texts: fc.dictionary(word, fc.string({ unit: "grapheme" }), {
      maxKeys: 3,
      noNullPrototype: true,
    }),
    timestamp: fc.option(fc.maxSafeInteger(), { nil: undefined }),
  });
  fc.assert(fc.property(written, ({ measurement, tags, numbers, texts, timestamp }) => {
    const key = (text: string) => escaped(text, /[,= ]/g);
    const fields = { ...numbers, ...texts };
    const values = Object.entries(fields).map(([name, value]) =>
      `${key(name)}=${typeof value === "number" ? `${value}i` : `"${escaped(value, /["\\]/g)}"`}`
    );
    const head = [
      escaped(measurement, /[, ]/g),
      ...Object.entries(tags).map(([name, value]) => `${key(name)}=${key(value)}`),
    ];
    const line = `${head.join(",")} ${values.join(",")}${
      timestamp === undefined ? "" : ` ${timestamp}`
    }`;
    const texted = Object.entries(fields).map(([name, value]) => [name, String(value)]);
    const rest = timestamp === undefined ? [] : [String(timestamp)] as const;
    deepEqual(plain(parseLine(line)), [measurement, tags, Object.fromEntries(texted), ...rest]);
    equal(isUnfinished(line), false);
  }));
});
