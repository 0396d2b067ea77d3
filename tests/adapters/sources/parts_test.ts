import { deepEqual, equal, match, ok } from "node:assert/strict";
import { askEach, partsOf } from "@/adapters/sources/ask_each.ts";
import { SourceError, type SourceErrorClass } from "@/domain/ports/source_error.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import { failureIn, openSites, sourceOf } from "@/tests/support/open_sites.ts";
import { smallSamples } from "@/tests/support/source_samples.ts";

const signal = new AbortController().signal;
const small = smallSamples();

/** Asks for four parts of which some fail; which were asked and which failed. */
async function outcome(failing: Readonly<Record<string, SourceErrorClass>>, stepMs = 0) {
  const clock = fakeClock(0);
  const asked: string[] = [];
  const parts = partsOf(["A0", "B0", "B0", "C0", "D0"], (name) => {
    asked.push(name);
    clock.advance(stepMs);
    const errorClass = failing[name];
    if (errorClass === undefined) return Promise.resolve();
    return Promise.reject(
      new SourceError("Cannot crawl sina: no", { source: "sina", errorClass, op: "GET /" }),
    );
  });
  const failures = await askEach(parts, { source: "sina", clock, signal, until: 250 });
  return { asked: asked.join(" "), failures };
}

Deno.test("parts of a source: one that fails stops no other, a site that fails is left alone", async () => {
  const cases: readonly [Record<string, SourceErrorClass>, asked: string, failed: string][] = [
    [{}, "A0 B0 C0 D0", ""],
    [{ A0: "invalid", B0: "invalid", C0: "schema_changed" }, "A0 B0 C0 D0", "A0 B0 C0"],
    [{ A0: "server", C0: "network" }, "A0 B0 C0 D0", "A0 C0"],
    [{ A0: "server", B0: "network" }, "A0 B0", "A0 B0"],
    [{ B0: "rate_limited" }, "A0 B0", "B0"],
    [{ B0: "login_required" }, "A0 B0", "B0"],
  ];
  for (const [failing, asked, failed] of cases) {
    const { failures, ...seen } = await outcome(failing);
    deepEqual([seen.asked, failures.map(({ name }) => name).join(" ")], [asked, failed]);
  }
});

Deno.test("parts of a source: what there is no time for is left, and said", async () => {
  const { asked, failures: [left] } = await outcome({}, 100);
  equal(asked, "A0 B0 C0");
  deepEqual([left?.name, left?.error.retryable], ["D0", false]);
  match(left?.error.message ?? "", /no time is left to ask for 1 of its parts/);
  match(left?.error.hint ?? "", /SOURCE_SINA_SELECTORS or raise CRAWL_TIMEOUT_MS/);
});

Deno.test("sina: a doubled or unknown symbol leaves the others as they are", async () => {
  const twice = (small.dailies.RB0 ?? "").replace("2026-09-07", "2026-09-04");
  for (const RB0 of [twice, "var _RB0=(null);"]) {
    const house = openSites({ samples: { ...small, dailies: { ...small.dailies, RB0 } } });
    const answer = await sourceOf(house, "sina").fetch({ date: "2026-09-08", signal });
    deepEqual(answer.failures.map(({ name }) => name), ["RB0"]);
    deepEqual(answer.series.map(({ symbol }) => symbol), ["AU0", "SC0"]);
  }
});

Deno.test("jiaoyikecha: a contract that has ended costs its own ranking and nothing else", async () => {
  const variety_position = '{"code":1,"msg":"参数错误或数据不存在","data":null}';
  const samples = { ...small, jiaoyikecha: { ...small.jiaoyikecha, variety_position } };
  const access = { selectors: '{"contracts":["rb0001"],"brokers":["国泰君安"]}' };
  const house = openSites({ samples, access: { jiaoyikecha: access } });
  const { rows, failures } = await sourceOf(house, "jiaoyikecha").fetch({
    ...{ date: "2026-09-08", signal },
  });
  deepEqual(failures.map(({ name, error }) => [name, error.retryable]), [["rb0001", false]]);
  const kinds = new Set(rows.map(({ kind }) => kind));
  deepEqual([...kinds].toSorted(), ["position_ranking", "sentiment", "warehouse"]);
});

Deno.test("jiaoyikecha: lists that the site does not have keep nothing of the others back", async () => {
  const all = smallSamples();
  const { longhu_list: _l, niuxiong_list: _n, recent_contracts: _r, ...core } = all.jiaoyikecha;
  const crawl = async (jiaoyikecha: typeof core) => {
    const sites = openSites({ samples: { ...all, jiaoyikecha }, access: { jiaoyikecha: {} } });
    return await sourceOf(sites, "jiaoyikecha").fetch({ date: "2026-09-08", signal });
  };
  const { rows, failures } = await crawl(core);
  deepEqual(rows.map(({ kind }) => kind), ["warehouse", "warehouse"]);
  deepEqual(
    failures.map(({ name, unlessHeld, error }) => [name, unlessHeld, error.httpStatus]),
    [
      ["longhu_list", "longhu", 404],
      ["niuxiong_list", "niuxiong", 404],
      ["recent_contracts", "long", 404],
    ],
  );
  const { daily_wr: _d, ...less } = all.jiaoyikecha;
  const error = await failureIn(crawl(less));
  ok(error instanceof SourceError && error.errorClass === "schema_changed", String(error));
});
