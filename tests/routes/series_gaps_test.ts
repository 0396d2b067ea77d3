import assert from "node:assert/strict";
import fc from "fast-check";
import { pageOfGaps } from "@/routes/series_gaps.ts";
import type { Gap } from "@/projections/series_queries.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { databases } from "@/tests/support/database.ts";

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openWithGaps();
Deno.test.afterAll(async () => await (await opened)?.close());

const START = Date.UTC(2024, 0, 1);
const MINUTE = 60_000;
const PATH = "/api/v1/series/kraken.GAP-USDT.1m/gaps";

/** Every third minute of half an hour: nine gaps of two. */
async function openWithGaps(): Promise<TestApp> {
  const app = await openApp({}, databases()[0]?.open);
  const as = "admin" as const;
  const json = { exchange: "kraken", symbol: "GAP/USDT", interval: "1m", watch: false };
  await app.json("POST", "/api/v1/series", { as, json });
  const minutes = Array.from({ length: 10 }, (_, i) => START + i * 3 * MINUTE);
  const body = minutes.map((at) => `${at},1,2,0.5,1.5,3`).join("\n");
  const headers = { "content-type": "text/csv" };
  await app.json("POST", PATH.replace("gaps", "klines"), { as, body, headers });
  return app;
}

const gapAt = (n: number) => ({
  ...{ from: START + (n * 3 + 1) * MINUTE, to: START + (n * 3 + 3) * MINUTE },
  ...{ missing: 2, verified_empty: false },
});

Deno.test("GET gaps: all of them come by default, in the documented shape", async () => {
  const { data, meta } = await (await openOnce()).json("GET", PATH);
  assert.deepEqual(data, Array.from({ length: 9 }, (_, n) => gapAt(n)));
  assert.equal(meta.next_cursor, null);
});

Deno.test("GET gaps: pages follow each other without loss, within a range", async () => {
  const { json } = await openOnce();
  const range = `start=${START + 5 * MINUTE}&end=${START + 22 * MINUTE}&limit=2`;
  const found: unknown[] = [];
  const sizes: number[] = [];
  for (let cursor: unknown = ""; cursor !== null;) {
    const { data, meta } = await json("GET", `${PATH}?${range}${cursor}`);
    found.push(...data);
    sizes.push(data.length);
    cursor = meta.next_cursor === null
      ? null
      : `&cursor=${encodeURIComponent(`${meta.next_cursor}`)}`;
  }
  assert.deepEqual(found, [1, 2, 3, 4, 5, 6].map(gapAt));
  assert.deepEqual(sizes, [2, 2, 2]);
});

Deno.test("GET gaps: what cannot be understood is refused by name", async () => {
  const { json } = await openOnce();
  const bad = [["limit=0", "limit"], ["limit=10001", "limit"], ["start=2&end=1", "end"]];
  for (
    const [query, field] of [...bad, ["cursor=x", "cursor"], ["cursor=eA", "cursor"], [
      "end=soon",
      "end",
    ]]
  ) {
    const { status, error } = await json("GET", `${PATH}?${query}`);
    assert.deepEqual([status, error.field], [422, field]);
  }
});

Deno.test("gaps: pages of any size hold what one page would", () => {
  const lengths = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 3 })), { maxLength: 30 });
  fc.assert(fc.property(lengths, fc.integer({ min: 1, max: 7 }), (given, limit) => {
    let at = 0;
    const all: Gap[] = given.map(([held, missing]) => {
      const from = at + held;
      at = from + missing;
      return { from, to: at, missing, verifiedEmpty: held === 0 };
    });
    const found: Gap[] = [];
    let cursor: string | undefined;
    do {
      const page = pageOfGaps(all, { limit, ...(cursor === undefined ? {} : { cursor }) });
      assert.ok(page.gaps.length <= limit);
      found.push(...page.gaps);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    assert.deepEqual(found, all);
  }));
});
