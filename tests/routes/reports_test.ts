import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { crawlerTables, reportOf } from "@/tests/support/crawler_tables.ts";

const PATH = "/api/v1/reports";
/** Names of others stay as they are, at every depth. */
const VALUES = { atmIV: "0.1834", skewBy: { d25: null, nextDay: ["1", true] }, 持仓: "12" };

const tables = crawlerTables({
  reports: [
    reportOf({ values: VALUES, capturedAt: Date.parse("2026-02-27T07:01:02.003Z") }),
    reportOf({ contract: "RB2701", reportDate: "2026-02-26" }),
    reportOf({ source: "founderfu", kind: "rating", exchange: null, product: "CS" }),
    ...Array.from(
      { length: 120 },
      (_, i) =>
        reportOf({ source: "sina", kind: "daily", product: `P${i}`, reportDate: "2026-01-05" }),
    ),
  ],
});

let opened: Promise<TestApp> | undefined;
const openOnce = () => opened ??= openApp({ tables });
Deno.test.afterAll(async () => await (await opened)?.close());

async function found(query: string): Promise<{ rows: number; total: number; first: string }> {
  const { json } = await openOnce();
  const { data, ...rest } = await json("GET", `${PATH}?${query}`);
  const { total } = Reflect.get(rest, "pagination");
  return { rows: data.length, total, first: data[0]?.product ?? "" };
}

Deno.test("GET reports: has the shape of the contract, its values under the source's names", async () => {
  const { json } = await openOnce();
  const query = "source=openvlab&kind=volatility&product=RB&date=2026-02-27";
  const { status, data } = await json("GET", `${PATH}?${query}`);
  equal(status, 200);
  deepEqual(data, [{
    ...{ source: "openvlab", kind: "volatility", exchange: "SHFE", product: "RB" },
    ...{ report_date: "2026-02-27", captured_at: "2026-02-27T07:01:02.003Z" },
    values: { atmIV: 0.1834, skewBy: { d25: null, nextDay: [1, true] }, 持仓: 12 },
  }]);
});

Deno.test("GET reports: numbers are numbers with every digit, text where that is asked for; an expiry is text in both", async () => {
  const values = {
    ...{ ...VALUES, exp: "202610", name: "510050", none: "NaN", code: "010" },
    ...{ exact: "0.00376275619921218051", big: "12345678901234567890", sum: "66" },
  };
  tables.reports.push(reportOf({ product: "PT", values }));
  const { ask, json } = await openOnce();
  const path = `${PATH}?product=PT`;
  deepEqual((await json("GET", `${path}&numbers=string`)).data[0]?.values, values);
  const written = await (await ask("GET", path)).text();
  for (
    const part of [
      ...['"atmIV":0.1834', '"d25":null', '"nextDay":[1,true]', '"sum":66', '"none":"NaN"'],
      ...['"exact":0.00376275619921218051', '"big":12345678901234567890'],
      ...['"exp":"202610"', '"name":"510050"', '"code":"010"'],
    ]
  ) equal(written.includes(part), true, part);
  const asNumbers = await json("GET", `${path}&numbers=number`);
  deepEqual(asNumbers.data, (await json("GET", path)).data);
  tables.reports.pop();
});

Deno.test("GET reports: names the contract of what is on one, and no exchange where none is known", async () => {
  const { json } = await openOnce();
  const { data: [one] } = await json("GET", `${PATH}?contract=rb2701`);
  deepEqual([one.contract, one.report_date], ["RB2701", "2026-02-26"]);
  const { data: [other] } = await json("GET", `${PATH}?source=founderfu`);
  deepEqual([other.exchange, "contract" in other], [null, false]);
});

Deno.test("GET reports: filters by what is asked, codes in either case", async () => {
  deepEqual(await found("product=rb"), { rows: 2, total: 2, first: "RB" });
  deepEqual(await found("product=rb&exchange=dce"), { rows: 0, total: 0, first: "" });
  deepEqual(await found("from=2026-02-27"), { rows: 2, total: 2, first: "RB" });
  deepEqual(await found("from=2026-02-26&to=2026-02-26"), { rows: 1, total: 1, first: "RB" });
  deepEqual(await found("product=NONE"), { rows: 0, total: 0, first: "" });
});

Deno.test("GET reports: takes days as times, too: the day that it is then in TIME_ZONE", async () => {
  // 2026-02-26 in UTC, the 27th in Shanghai.
  const at = Date.parse("2026-02-26T16:00:00Z");
  const [rb, none] = [{ rows: 1, total: 1, first: "RB" }, { rows: 0, total: 0, first: "" }];
  for (
    const day of [String(at), String(at / 1_000), "2026-02-26T16:00:00Z", "2026-02-26 16:00"]
  ) {
    deepEqual(await found(`product=rb&date=${encodeURIComponent(day)}`), rb, day);
    deepEqual(await found(`product=rb&from=${encodeURIComponent(day)}`), rb, day);
  }
  deepEqual(await found(`product=rb&date=2026-02-27T16:00:00Z`), none);
  deepEqual(await found(`product=rb&to=${at - 1}`), rb);
  deepEqual(await found(`from=${at}&to=2026-02-27`), { rows: 2, total: 2, first: "RB" });
});

Deno.test("GET reports: comes a hundred to a page, a thousand at most", async () => {
  deepEqual(await found(""), { rows: 100, total: 123, first: "RB" });
  deepEqual(await found("page=2"), { rows: 23, total: 123, first: "P97" });
  deepEqual(await found("size=1000"), { rows: 123, total: 123, first: "RB" });
});

for (
  const [query, field, says] of [
    ["kind=volatilty", "kind", /volatility/],
    ["kind=weather", "kind", /one of sentiment, position_ranking/],
    ["source=rongda3", "source", /rongda/],
    ["source=bloomberg", "source", /one of hzzhqx/],
    ["date=2026-02-30", "date", /2026-09-08/],
    ["date=yesterday", "date", /2026-09-08/],
    ["from=2026-02-02&to=2026-02-01", "to", /later day/],
    ["from=2026-02-26T16:00:00Z&to=2026-02-26", "to", /later day/],
    ["date=20260908", "date", /2026-09-08/],
    ["date=2026-02-30T00:00:00Z", "date", /2026-09-08/],
    ["date=8640000000000000000000", "date", /2026-09-08/],
    ["date=2026-02-02&from=2026-02-01", "date", /either/],
    ["size=1001", "size", /1 to 1000/],
    ["numbers=float", "numbers", /string/],
    ["size=0", "size", /1 to 1000/],
    ["page=0", "page", /1/],
    ["page=two", "page", /1/],
    ["source=sina&source=openvlab", "source", /./],
    ["kind=", "kind", /empty/],
    ["date=2026-9-8", "date", /2026-09-08/],
    ["date=", "date", /2026-09-08/],
    ["product=%00", "product", /./],
    ["product=", "product", /empty/],
    ["symbol=RB", "symbol", /unknown/],
  ] as const
) {
  Deno.test(`GET reports: ?${query} is 422 and says what is expected of ${field}`, async () => {
    const { json } = await openOnce();
    const { status, error } = await json("GET", `${PATH}?${query}`);
    deepEqual([status, error.code, error.field], [422, "VALIDATION_ERROR", field]);
    match(JSON.stringify(error), says);
  });
}

Deno.test("GET reports: says how many pages there are, also beyond the last, and on a trailing slash", async () => {
  const { json } = await openOnce();
  const pages = async (query: string, path = PATH) => {
    const { data, ...rest } = await json("GET", `${path}?${query}`);
    return { rows: data.length, ...Reflect.get(rest, "pagination") };
  };
  const all = { total: 123, pages: 3 };
  const last = { rows: 23, page: 3, size: 50, ...all, has_next: false, has_prev: true };
  deepEqual(await pages("page=3&size=50"), last);
  deepEqual(await pages("page=3&size=50", `${PATH}/`), last);
  deepEqual(await pages("page=9&size=50"), { ...last, rows: 0, page: 9 });
  deepEqual(await pages("product=NONE"), {
    ...{ rows: 0, page: 1, size: 100, total: 0, pages: 0, has_next: false, has_prev: false },
  });
});

Deno.test("GET reports: a slip of the pen is answered with the names that are near", async () => {
  const { json } = await openOnce();
  const { error } = await json("GET", `${PATH}?source=rongda3`);
  deepEqual(error.details, [
    ...[{ field: "source", message: "rongda" }, { field: "source", message: "rongda2" }],
  ]);
});

Deno.test("GET reports: who has the current page gets 304, until something changes", async () => {
  const { ask } = await openOnce();
  const path = `${PATH}?source=openvlab`;
  const first = await ask("GET", path);
  const etag = first.headers.get("etag") ?? "";
  match(etag, /^W\/"/);
  await first.body?.cancel();
  const headers = { "if-none-match": etag };
  const same = await ask("GET", path, { headers });
  deepEqual([same.status, await same.text()], [304, ""]);
  tables.reports.push(reportOf({ product: "AU", reportDate: "2025-01-01" }));
  const other = await ask("GET", path, { headers });
  deepEqual([other.status, other.headers.get("etag") === etag], [200, false]);
  await other.body?.cancel();
  tables.reports.pop();
  const page = await ask("GET", `${path}&size=1`, { headers });
  notEqual(page.status, 304);
  await page.body?.cancel();
});

Deno.test("GET reports: is open as other market data, to pages of other origins, too", async () => {
  const { ask } = await openOnce();
  for (const as of ["guest", "reader", "admin"] as const) {
    const response = await ask("GET", `${PATH}?size=1`, { as });
    deepEqual([response.status, response.headers.get("access-control-allow-origin")], [200, "*"]);
    await response.body?.cancel();
  }
  equal((await ask("OPTIONS", PATH)).status, 204);
});

Deno.test("GET reports: where market data is private it takes the scope read", async () => {
  const app = await openApp({ settings: { marketData: "private" } });
  try {
    const statuses = [];
    for (const as of ["guest", "stranger", "reader", "admin"] as const) {
      statuses.push((await app.json("GET", PATH, { as })).status);
    }
    deepEqual(statuses, [401, 401, 200, 200]);
  } finally {
    await app.close();
  }
});
