import { deepEqual, equal, match, ok } from "node:assert/strict";
import { findProduct, productOf, readContract } from "@/adapters/sources/products.ts";
import { openSources, type SourcesOptions } from "@/adapters/sources/sources.ts";
import { type MarketSource, reportIdentity } from "@/domain/ports/market_source.ts";
import { SOURCE_NAMES, type SourceName } from "@/domain/ports/source_names.ts";
import { BrowserError, type BrowserFailure } from "@/domain/ports/browser_error.ts";
import { type Progress, silentProgress } from "@/domain/ports/progress.ts";
import { SourceError, type SourceErrorClass } from "@/domain/ports/source_error.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import {
  credential,
  failureIn,
  openSites,
  SELECTORS,
  sourceOf,
} from "@/tests/support/open_sites.ts";
import { FAULT_CLASSES, seededFaults } from "@/tests/support/source_faults.ts";
import { SESSION_ID, smallSamples } from "@/tests/support/source_samples.ts";
import {
  createSites,
  fetchFrom,
  SITE_URLS,
  type SiteOptions,
} from "@/tests/support/source_server.ts";
import { tablePageReader } from "@/tests/support/table_page_reader.ts";

const NOW = Date.parse("2026-09-08T09:30:00Z");
const DATE = "2026-09-08";
const never = new AbortController().signal;

function open(name: SourceName, options: Partial<SourcesOptions> & SiteOptions = {}) {
  const sites = createSites(options);
  const clock = leapingClock(NOW);
  const fetch = fetchFrom(sites);
  const source = openSources({ clock, fetch, urls: SITE_URLS, ...options }).get(name);
  ok(source);
  return { source, sites, clock };
}

async function failed(source: MarketSource): Promise<SourceError> {
  const error = await failureIn(source.fetch({ date: DATE, signal: never }));
  ok(error instanceof SourceError, Deno.inspect(error));
  return error;
}

Deno.test("sources: all but the pages can be asked as they are", () => {
  const sources = openSources({ clock: leapingClock(NOW) });
  deepEqual([...sources.keys()], [...SOURCE_NAMES]);
  const missing = [...sources].filter(([, one]) => one.missing.length > 0);
  deepEqual(missing.map(([name, one]) => [name, one.missing]), [
    ["rongda", [
      ...["SOURCE_URLS.rongda", "SOURCE_RONGDA_COOKIE", "SOURCE_RONGDA_SELECTORS", "BROWSER_PATH"],
    ]],
    ["rongda2", [
      ...["SOURCE_URLS.rongda2", "SOURCE_RONGDA2_COOKIE", "SOURCE_RONGDA2_SELECTORS"],
      "BROWSER_PATH",
    ]],
  ]);
});

Deno.test("sources: one that is not configured says so when it is asked all the same, and asks nobody", async () => {
  const { source, sites } = open("rongda");
  const error = await failed(source);
  deepEqual([error.errorClass, error.retryable], ["not_configured", false]);
  match(error.message, /SOURCE_RONGDA_COOKIE, SOURCE_RONGDA_SELECTORS, BROWSER_PATH not set/);
  equal(sites.requests.length, 0);
});

Deno.test("sources: selectors that are wrong are named with what is wrong", async () => {
  const wrong: readonly [SourceName, string, RegExp][] = [
    ["sina", '{"symbols":["rb0"]}', /SOURCE_SINA_SELECTORS is wrong: symbols\[0\]/],
    ["sina", '{"symbol":["RB0"]}', /SOURCE_SINA_SELECTORS is wrong: .*symbol/],
    ["openvlab", '{"surfaces":["../login"]}', /SOURCE_OPENVLAB_SELECTORS is wrong: surfaces/],
    [
      ...["sina", JSON.stringify({ symbols: Array(201).fill("RB0") })] as const,
      /SOURCE_SINA_SELECTORS is wrong: symbols: .*200/,
    ],
    [
      "openvlab",
      JSON.stringify({ surfaces: Array(101).fill("EG"), chains: Array(100).fill("EG") }),
      /SOURCE_OPENVLAB_SELECTORS is wrong: .*at most 200 in all/,
    ],
    ["jiaoyikecha", '{"mains":200,"brokers":["国泰君安"]}', /at most 200 contracts and brokers/],
    ["jiaoyikecha", '{"mains":201}', /SOURCE_JIAOYIKECHA_SELECTORS is wrong: mains/],
    [
      "jiaoyikecha",
      JSON.stringify({ contracts: Array.from({ length: 201 }, (_, n) => `rb${1000 + n}`) }),
      /at most 200 contracts and brokers/,
    ],
    ["jiaoyikecha", "[", /SOURCE_JIAOYIKECHA_SELECTORS is wrong: expected JSON/],
  ];
  for (const [name, selectors, says] of wrong) {
    const { source, sites } = open(name, { access: { [name]: { selectors } } });
    const error = await failed(source);
    equal(error.errorClass, "not_configured");
    match(error.message, says);
    equal(sites.requests.length, 0);
  }
});

Deno.test("jiaoyikecha: opens one session a crawl and asks with it, a second apart", async () => {
  const { source, sites, clock } = open("jiaoyikecha", { intervalMs: 10 });
  await source.fetch({ date: DATE, signal: never });
  const [shell, session, ...asked] = sites.requests;
  deepEqual([shell?.path, session?.path], ["/", "/ajax/session.php"]);
  equal(session?.headers.get("cookie"), null);
  deepEqual(asked.map(({ path }) => path.slice("/ajax/".length)), [
    ...["all_varieties.php", "daily_wr.php", "longhu_list.php", "niuxiong_list.php"],
    ...["recent_contracts.php", "variety_position.php"],
  ]);
  for (const { headers, query } of asked) {
    deepEqual([headers.get("cookie"), query.v], [`PHPSESSID=${SESSION_ID}`, "5f6760cc"]);
  }
  deepEqual(asked.at(-1)?.form, { variety: "螺纹钢", code: "rb2701", date: DATE });
  ok(clock.now() - NOW >= 1_000 * (sites.requests.length - 1));
});

Deno.test("jiaoyikecha: a session that is given is used, one that is logged in goes along", async () => {
  const cookies = async (cookie: string) => {
    const access = { jiaoyikecha: { cookie: credential(cookie) } };
    const { source, sites } = open("jiaoyikecha", { access });
    await source.fetch({ date: DATE, signal: never });
    const session = sites.requests.some(({ path }) => path === "/ajax/session.php");
    return [session, sites.requests.at(-1)?.headers.get("cookie")];
  };
  deepEqual(await cookies("PHPSESSID=mine-mine"), [false, "PHPSESSID=mine-mine"]);
  deepEqual(await cookies("remember=me"), [true, `PHPSESSID=${SESSION_ID}; remember=me`]);
});

Deno.test("jiaoyikecha: crawls the contracts that are picked, and minds one that the site has not", async () => {
  const picked = (contracts: readonly string[]) =>
    open("jiaoyikecha", {
      access: { jiaoyikecha: { selectors: JSON.stringify({ contracts }) } },
    });
  const { source, sites } = picked(["jd2706", "jd2706", "SC2611"]);
  await source.fetch({ date: DATE, signal: never });
  const codes = sites.requests.flatMap(({ form }) => form.code === undefined ? [] : [form.code]);
  deepEqual(codes, ["jd2706", "SC2611"]);
  ok(!sites.requests.some(({ path }) => path.includes("recent_contracts")));
  const error = await failed(picked(["xx2701"]).source);
  deepEqual([error.errorClass, error.hint?.includes("SELECTORS")], ["invalid", true]);
  const small = smallSamples();
  const variety_position = '{"code":1,"msg":"参数错误或数据不存在","data":null}';
  const samples = { ...small, jiaoyikecha: { ...small.jiaoyikecha, variety_position } };
  const access = { jiaoyikecha: { selectors: '{"contracts":["rb0001"]}' } };
  const gone = await failed(open("jiaoyikecha", { access, samples }).source);
  deepEqual([gone.errorClass, gone.retryable], ["invalid", false]);
  match(gone.hint ?? "", /SELECTORS/);
  match(gone.message, /nothing on contract rb0001/);
});

/** A site with so many contracts of each of so many varieties, whose answers take their time. */
function wideSite(
  { varieties, contracts, answerMs }: Record<"varieties" | "contracts" | "answerMs", number>,
) {
  const data = (value: unknown) => JSON.stringify({ code: 0, msg: "", data: value });
  const letters = (n: number) => `${String.fromCharCode(97 + n % 26, 97 + Math.floor(n / 26))}x`;
  const small = smallSamples();
  const samples = {
    ...small,
    jiaoyikecha: {
      ...small.jiaoyikecha,
      all_varieties: data(Array.from({ length: varieties }, (_, n) => ({
        ...{ market: "上期所", name: `品种${n}`, symbol: letters(n).toUpperCase() },
      }))),
      recent_contracts: data(Array.from({ length: varieties * contracts }, (_, i) => {
        const [n, month] = [i % varieties, Math.floor(i / varieties)];
        // The second month has the most money in it, and later varieties have more than earlier ones.
        const value = String((month === 1 ? 1e12 : 1e9) + n);
        return { code: `${letters(n)}27${String(month + 1).padStart(2, "0")}`, value };
      })),
    },
  };
  const { sites, clock } = open("jiaoyikecha", { samples });
  const shown: string[] = [];
  const source = (selectors?: string) =>
    openSources({
      ...{ clock, urls: SITE_URLS, access: { jiaoyikecha: { selectors } } },
      async fetch(url, init) {
        await clock.sleep(answerMs);
        return await fetchFrom(sites)(url, init);
      },
    }).get("jiaoyikecha");
  const progress: Progress = {
    ...silentProgress,
    start: (label, { total, unit }) => shown.push(`${label}: ${total} ${unit}`),
    advance: (by) => shown.push(`+${by}`),
    finish: () => shown.push("done"),
  };
  return { sites, clock, shown, progress, source };
}

Deno.test("jiaoyikecha: asks for the main contract of each variety, the busiest first, well within its time", async () => {
  const { sites, clock, shown, progress, source } = wideSite({
    ...{ varieties: 130, contracts: 12, answerMs: 1_700 },
  });
  await source()?.fetch({ date: DATE, signal: never, progress });
  const codes = sites.requests.flatMap(({ form }) => form.code ?? []);
  deepEqual([codes.length, new Set(codes).size], [100, 100]);
  deepEqual([codes[0], codes.at(-1)], ["zex2702", "ebx2702"]);
  ok(codes.every((code) => code.endsWith("02")));
  ok(clock.now() - NOW < 200_000, `${clock.now() - NOW} ms`);
  deepEqual(shown, ["jiaoyikecha: 100 rankings", ...Array(100).fill("+1"), "done"]);
});

Deno.test("jiaoyikecha: asks for as many main contracts as it is told, or for none", async () => {
  for (const mains of [0, 3, 200]) {
    const { sites, source } = wideSite({ varieties: 110, contracts: 2, answerMs: 0 });
    await source(JSON.stringify({ mains }))?.fetch({ date: DATE, signal: never });
    const codes = sites.requests.flatMap(({ form }) => form.code ?? []);
    equal(codes.length, Math.min(mains, 110));
  }
});

Deno.test("openvlab: asks for a year of history that ends with the day, in Shanghai", async () => {
  const access = { openvlab: { selectors: '{"history":["EG2610"]}' } };
  const { source, sites } = open("openvlab", { access });
  const { rows } = await source.fetch({ date: DATE, signal: never });
  deepEqual(sites.requests.map(({ path }) => path), [
    ...["/api/exchange-info", "/api/ctamap-all", "/api/history-atmvol"],
  ]);
  const asked = sites.requests.at(-1);
  deepEqual(asked?.query, {
    ...{ symbol: "EG2610", resolution: "1D" },
    from: String(Date.parse("2025-09-09T00:00:00+08:00") / 1_000),
    to: String(Date.parse("2026-09-09T00:00:00+08:00") / 1_000),
  });
  deepEqual(
    rows.filter(({ kind }) => kind === "daily").map((
      { reportDate, values },
    ) => [reportDate, values]),
    [["2026-09-07", { atm_volatility: "21.5" }], ["2026-09-08", { atm_volatility: null }]],
  );
});

Deno.test("openvlab: asks for the history since a few days before what is held, a year at most", async () => {
  const access = { openvlab: { selectors: '{"history":["eg2610"]}' } };
  const cases = [["2026-09-07", "2026-08-28"], ["2024-01-01", "2025-09-09"], [
    ...["2030-01-01", "2026-08-30"],
  ]];
  for (const [newest = "", from] of cases) {
    const { source, sites } = open("openvlab", { access });
    await source.fetch({
      ...{ date: DATE, signal: never },
      heldDailies: new Map([["EG2610", newest]]),
    });
    const asked = sites.requests.at(-1)?.query.from;
    equal(asked, String(Date.parse(`${from}T00:00:00+08:00`) / 1_000), newest);
  }
});

const PAGES: readonly [page: string, errorClass: string | undefined, says: RegExp | undefined][] = [
  ['<p class="empty">none</p>', undefined, undefined],
  ["<table></table>", "schema_changed", /elements of rows, received none/],
  [
    '<tr class="product"><td class="variety">RB</td><td class="structure">a</td><td class="strength">1</td></tr>',
    "schema_changed",
    /elements of columns\.spread/,
  ],
  [
    '<tr class="product"><td class="variety"></td><td class="structure">a</td><td class="strength">1</td><td class="spread">2</td></tr>',
    "schema_changed",
    /\[0\]\.variety: expected text/,
  ],
];

Deno.test("page sources: an empty table is no failure, a page that has changed is one", async () => {
  for (const [page, errorClass, says] of PAGES) {
    const { sources } = openSites({ samples: { ...smallSamples(), page } });
    const source = sources.get("rongda2");
    ok(source);
    if (errorClass === undefined) {
      deepEqual((await source.fetch({ date: DATE, signal: never })).rows, []);
      continue;
    }
    const error = await failed(source);
    equal(error.errorClass, errorClass);
    match(error.differences.join("\n"), says ?? /./);
  }
});

Deno.test("page sources: give the browser their own page, cookie and selectors", async () => {
  const fetch = fetchFrom(createSites());
  const asked: string[] = [];
  const pages = tablePageReader((url, init) => {
    asked.push(`${url.pathname} ${new Headers(init.headers).get("cookie")}`);
    return fetch(url, init);
  });
  const access = (cookie: string) => ({ cookie: credential(cookie), selectors: SELECTORS.page });
  const options = { pages, access: { rongda: access("a=1"), rongda2: access("b=2") } };
  for (const name of ["rongda", "rongda2"] as const) {
    const { source } = open(name, options);
    deepEqual(source.missing, []);
    const { rows } = await source.fetch({ date: DATE, signal: never });
    deepEqual(rows.map(({ source, product, contract }) => [source, product, contract]), [
      ...[[name, "RB", undefined], [name, "RB", "RB2701"]],
    ]);
    deepEqual(rows.map(({ values }) => values.strength), ["85.5", null]);
  }
  deepEqual(asked, ["/rongda a=1", "/rongda2 b=2"]);
});

const BROWSERS: readonly [BrowserFailure, SourceErrorClass, boolean][] = [
  ["missing", "not_configured", false],
  ["crashed", "network", true],
  ["timeout", "timeout", true],
  ["unreachable", "network", true],
  ["too_large", "invalid", false],
  ["bad_selector", "not_configured", false],
];

Deno.test("page sources: say what was wrong with the browser, and whether it is worth another try", async () => {
  for (const [failure, errorClass, retryable] of BROWSERS) {
    const hint = "do something about it";
    const pages = {
      read: () =>
        Promise.reject(new BrowserError("it broke", { failure, op: "read a page", hint })),
    };
    const access = { rongda: { cookie: credential("a=1"), selectors: SELECTORS.page } };
    const error = await failed(open("rongda", { pages, access }).source);
    deepEqual([error.errorClass, error.retryable, error.hint], [errorClass, retryable, hint]);
    const setting = failure === "bad_selector" ? "SOURCE_RONGDA_SELECTORS is wrong: " : "";
    equal(error.message, `Cannot crawl rongda: ${setting}it broke`);
  }
});

Deno.test("products: are found by code and by every name that the sites use", () => {
  const names: readonly [name: string, exchange: string, product: string][] = [
    ["rb", "SHFE", "RB"],
    ["螺纹钢", "SHFE", "RB"],
    ["郑棉", "CZCE", "CF"],
    ["棉花", "CZCE", "CF"],
    ["LU燃油", "INE", "LU"],
    ["20号胶", "INE", "NR"],
    ["1000中证", "CFFEX", "IM"],
    ["中证1000", "CFFEX", "IM"],
    ["PTA", "CZCE", "TA"],
    ["PP", "DCE", "PP"],
    ["工业硅", "GFEX", "SI"],
  ];
  for (const [name, exchange, product] of names) deepEqual(productOf(name), { exchange, product });
  equal(findProduct("月饼"), undefined);
  deepEqual(productOf("yb"), { exchange: null, product: "YB" });
});

Deno.test("products: a contract is told from what only looks like one", () => {
  deepEqual(readContract("rb2701"), { contract: "RB2701", letters: "RB" });
  deepEqual(readContract("TA701"), { contract: "TA701", letters: "TA" });
  for (const text of ["RB", "2701", "rb27", "510050", "cs2611-C-2300"]) {
    equal(readContract(text), undefined, text);
  }
});

Deno.test("sources: 300 crawls with seeded faults end in reports or in the fault's own class", async () => {
  let failures = 0;
  for (let seed = 1; seed <= 50; seed++) {
    const drawn = seededFaults(seed, { every: 5 });
    const met: string[] = [];
    const house = openSites({
      faults: (request) => {
        const fault = drawn(request);
        // A hang needs whoever ends it; half a page is half a table.
        if (fault === undefined || fault.kind === "hang" || fault.kind === "truncated") return;
        met.push(`${request.source} ${FAULT_CLASSES[fault.kind]}`);
        return fault;
      },
    });
    const names: readonly SourceName[] = SOURCE_NAMES.filter((name) => name !== "rongda2");
    const outcomes = await Promise.all(
      names.map((name) =>
        sourceOf(house, name).fetch({ date: DATE, signal: never }).then(
          ({ rows, failures }) => {
            equal(new Set(rows.map(reportIdentity)).size, rows.length);
            return failures.map(({ error }) => `${name} ${error.errorClass}`);
          },
          (error: unknown) => {
            ok(error instanceof SourceError, Deno.inspect(error));
            return [`${error.source} ${error.errorClass}`];
          },
        )
      ),
    );
    const failed = outcomes.flat();
    deepEqual(failed.toSorted(), met.toSorted(), `seed ${seed}`);
    failures += failed.length;
  }
  ok(failures > 50, `${failures}`);
});
