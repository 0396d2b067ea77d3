import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { marketReport } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import { openSites, sourceOf } from "@/tests/support/open_sites.ts";
import { smallSamples, type SourceSamples } from "@/tests/support/source_samples.ts";

const small = smallSamples();

/** JSON of any shape. */
type Data = ReturnType<typeof JSON.parse>;

/** What a site might send in the place of any value. */
const oddities = fc.oneof(
  fc.constantFrom<unknown>(
    ...[null, "", " ", "nan", "NaN", "-", "null", "inf", "-0", "1e999", "１２", "12,5", "0x1f"],
    ...["9999-12-31 23:59:59", "+275760-09-13", "0000-00-00", "2026-02-30", "-271821-04-20"],
    ...["__proto__", "constructor", "\0", "\ud800", "2026-09-08 21:00:00Z", "[[", "{}", "[]"],
    ...[0, -1, 1e300, -100, 8.64e15, true, [], {}, [[]], [null], { "": null }],
  ),
  fc.jsonValue({ maxDepth: 2 }),
  fc.string(),
);

/** The value with one of its parts, wherever it lies, replaced, removed or doubled. */
function mutated(value: Data, places: readonly number[], { how, odd }: Mutation): Data {
  const [place = 0, ...rest] = places;
  const isLeaf = typeof value !== "object" || value === null || Object.keys(value).length === 0;
  if (isLeaf || rest.length === 0 && how === "replaced") return odd;
  const copy = structuredClone(value);
  const keys = Object.keys(copy);
  const key = keys[place % keys.length] ?? "";
  if (rest.length > 0) copy[key] = mutated(copy[key], rest, { how, odd });
  else if (how === "doubled" && Array.isArray(copy)) copy.push(copy[Number(key)]);
  else delete copy[key];
  return copy;
}

interface Mutation {
  readonly how: "replaced" | "removed" | "doubled";
  readonly odd: unknown;
}

/** The JSON in a text, changed; what stands around it stays. */
function spoiled(text: string, places: readonly number[], mutation: Mutation): string {
  const [, before = "", json = text, after = ""] = /^(.*?=\()(.*)(\);)$/s.exec(text) ?? [];
  return before + JSON.stringify(mutated(JSON.parse(json), places, mutation)) + after;
}

type Change = (change: (text: string) => string, pick: number) => Partial<SourceSamples>;

function oneOf(
  given: Readonly<Record<string, string>>,
  pick: number,
  change: (text: string) => string,
) {
  const names = Object.keys(given);
  const name = names[pick % names.length] ?? "";
  return { ...given, [name]: change(given[name] ?? "") };
}

const ANSWERS: readonly [SourceName, what: string, Change][] = [
  ["hzzhqx", "the view", (change) => ({ overallView: change(small.overallView) })],
  ["hzzhqx", "the list", (change) => ({ varietyList: change(small.varietyList) })],
  ["openvlab", "the map", (change) => ({ ctamap: change(small.ctamap) })],
  ["openvlab", "the exchanges", (change) => ({ exchangeInfo: change(small.exchangeInfo) })],
  ["openvlab", "a surface", (change, n) => ({ surfaces: oneOf(small.surfaces, n, change) })],
  ["openvlab", "a chain", (change, n) => ({ chains: oneOf(small.chains, n, change) })],
  ["openvlab", "a history", (change) => ({ atmvol: change(small.atmvol) })],
  ["jiaoyikecha", "the session", (change) => ({ session: change(small.session) })],
  [
    ...["jiaoyikecha", "a list"] as const,
    (change, n) => ({ jiaoyikecha: oneOf(small.jiaoyikecha, n, change) }),
  ],
  ["founderfu", "the ratings", (change, n) => ({ ratings: oneOf(small.ratings, n, change) })],
  ["sina", "the dailies", (change, n) => ({ dailies: oneOf(small.dailies, n, change) })],
];

for (const [name, what, samplesOf] of ANSWERS) {
  Deno.test(`source ${name}: whatever becomes of ${what}, it is read or refused in the source's words`, async () => {
    const mutations = fc.record({
      places: fc.array(fc.nat(30), { minLength: 1, maxLength: 7 }),
      how: fc.constantFrom("replaced", "removed", "doubled"),
      odd: oddities,
      pick: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(mutations, async ({ places, pick, ...mutation }) => {
        const samples = samplesOf((text) => spoiled(text, places, mutation), pick);
        const house = openSites({ samples: { ...small, ...samples } });
        const request = { date: "2026-09-08", signal: new AbortController().signal };
        const answer = await sourceOf(house, name).fetch(request).catch((error: unknown) => error);
        if (answer instanceof SourceError) return;
        ok(!(answer instanceof Error), Deno.inspect(answer));
        const { rows } = Object(answer);
        for (const row of rows) deepEqual(marketReport.parse(row), row);
        ok(!/(?<!\\)\\u(0000|d[89a-f])/i.test(JSON.stringify(rows)), "texts that can be stored");
      }),
      { numRuns: 60 },
    );
  });
}
