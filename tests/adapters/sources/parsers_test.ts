import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { MarketReport } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import { failureIn, openSites, sourceOf } from "@/tests/support/open_sites.ts";
import { smallSamples, type SourceSamples } from "@/tests/support/source_samples.ts";

const small = smallSamples();

interface Asked extends Partial<SourceSamples> {
  readonly date?: string;
  readonly now?: number;
}

async function crawl(name: SourceName, { date = "2026-09-08", now, ...samples }: Asked = {}) {
  const house = openSites({
    samples: { ...small, ...samples },
    ...(now === undefined ? {} : { now }),
  });
  return await sourceOf(house, name).fetch({ date, signal: new AbortController().signal });
}

async function failed(name: SourceName, samples: Partial<SourceSamples>): Promise<SourceError> {
  const error = await failureIn(crawl(name, samples));
  ok(error instanceof SourceError, Deno.inspect(error));
  return error;
}

const place = ({ exchange, product, contract, reportDate }: MarketReport) =>
  [exchange, product, contract, reportDate].join(" ");

function rated(long: readonly string[], short: readonly string[] = []): string {
  const item = (text: string) => {
    const [smallbreedscode, ratingforecast] = text.split(" ");
    return { breeds: "", smallbreeds: null, smallbreedscode, ratingforecast };
  };
  const data = { manyList: long.map(item), shortList: short.map(item) };
  return JSON.stringify({ code: 200, data });
}

Deno.test("founderfu: the evening's crawl keeps what the morning said", async () => {
  const { rows } = await crawl("founderfu");
  deepEqual(rows.map(({ product, values }) => [product, values]), [
    ["RB", {
      ...{ name: "rb", sector: "黑色", morning_direction: "long", morning_rating: "偏多" },
      ...{ night_direction: "short", night_rating: "偏空" },
    }],
    ["I", {
      ...{ name: "i", sector: "黑色", morning_direction: "short", morning_rating: "2" },
      ...{ night_direction: null, night_rating: null },
    }],
  ]);
});

Deno.test("founderfu: lists that are not out are no failure, said twice is said once", async () => {
  const none = JSON.stringify({ code: 200, msg: null, data: null });
  deepEqual((await crawl("founderfu", { ratings: { 早盘提示: none, 夜盘提示: none } })).rows, []);
  const ratings = { 早盘提示: rated(["rb 5", "RB2701 4", "rb 5"]), 夜盘提示: rated(["rb 3"]) };
  const { rows } = await crawl("founderfu", { ratings });
  deepEqual(rows.map(place), ["SHFE RB  2026-09-08", "SHFE RB RB2701 2026-09-08"]);
});

Deno.test("founderfu: a product that is to rise and to fall at once is invalid", async () => {
  const ratings = { 早盘提示: rated(["rb 5"], ["rb 5"]), 夜盘提示: rated([]) };
  const error = await failed("founderfu", { ratings });
  deepEqual([error.errorClass, error.retryable], ["invalid", false]);
  match(error.message, /two things of RB \(rating, 2026-09-08\)/);
});

Deno.test("hzzhqx: names what its answer no longer has, and how often", async () => {
  const overallView = small.overallView.replaceAll("excessiveRate", "bullishRate");
  const error = await failed("hzzhqx", { overallView });
  equal(error.errorClass, "schema_changed");
  deepEqual(error.differences, [
    "result[0].excessive_ratio: expected a number, received nothing (2 times)",
  ]);
  match(error.message, /result\[0\]\.excessive_ratio: expected a number/);
});

Deno.test("hzzhqx: an export in snake case reads as the site's own answer", async () => {
  const snake = small.overallView.replace(
    /"(excessive|neutral|empty|variety|more)(Rate|Num|Code|Name|Port)"/g,
    (_, head: string, tail: string) =>
      `"${head}_${tail === "Rate" && head !== "more" ? "ratio" : tail.toLowerCase()}"`,
  );
  ok(snake.includes('"excessive_ratio"') && snake.includes('"more_rate"'));
  deepEqual((await crawl("hzzhqx", { overallView: snake })).rows, (await crawl("hzzhqx")).rows);
});

Deno.test("hzzhqx: what the site says of its own failure decides the class", async () => {
  const said: readonly [code: string, text: string, errorClass: string][] = [
    ["401", "", "login_required"],
    ["A0230", "token 已过期", "login_required"],
    ["B0001", "请求过于频繁", "rate_limited"],
    ["500", "系统繁忙", "server"],
  ];
  for (const [errCode, errDesc, errorClass] of said) {
    const overallView = JSON.stringify({ success: false, result: null, errCode, errDesc });
    equal((await failed("hzzhqx", { overallView })).errorClass, errorClass, errDesc);
  }
});

const lists = {
  sectors: small.varietyList,
  flat: JSON.stringify({
    success: true,
    result: [
      { variety_code: "RB", variety_name: "螺纹", sector_name: "黑色建材" },
      { variety_code: "I", variety_name: "铁矿", sector_name: "黑色" },
    ],
  }),
  "short names": JSON.stringify({
    success: true,
    result: [
      { code: "RB", name: "螺纹", sectorName: "黑色建材" },
      { code: "I", name: "铁矿", sectorName: "黑色" },
    ],
  }),
};

for (const [shape, varietyList] of Object.entries(lists)) {
  Deno.test(`hzzhqx: names and sectors are those of its list, written by ${shape}`, async () => {
    const { rows, raw } = await crawl("hzzhqx", { varietyList });
    deepEqual(rows.map(({ product, values }) => [product, values.name, values.sector]), [
      ["RB", "螺纹", "黑色建材"],
      ["I", "铁矿", "黑色"],
    ]);
    const [list = "", view = ""] = new TextDecoder().decode(raw.bytes).trim().split("\n");
    deepEqual([JSON.parse(list).body, JSON.parse(view).body], [varietyList, small.overallView]);
  });
}

Deno.test("hzzhqx: a code that nobody here knows is traded where its listed name is", async () => {
  const overallView = small.overallView.replace('"varietyCode":"i"', '"varietyCode":"iox"');
  const varietyList = small.varietyList.replace('"varietyCode":"I"', '"varietyCode":"IOX"');
  const { rows } = await crawl("hzzhqx", { overallView, varietyList });
  deepEqual(rows.map(place)[1], "DCE IOX  2026-09-08");
  const unlisted = await crawl("hzzhqx", { overallView });
  deepEqual([unlisted.rows.map(place)[1], unlisted.rows[1]?.values.sector], [
    ...[" IOX  2026-09-08", null],
  ]);
});

Deno.test("hzzhqx, openvlab: a list that has changed, failed or gone is a failure, and ends the asking", async () => {
  const changed = small.varietyList.replaceAll("varietyName", "title");
  const error = await failed("hzzhqx", { varietyList: changed });
  deepEqual([error.errorClass, error.differences], ["schema_changed", [
    "result[0].variety_list[0].variety_name: expected text, received nothing (2 times)",
  ]]);
  const refused = '{"success":false,"errCode":"500","errDesc":"系统繁忙","result":null}';
  equal((await failed("hzzhqx", { varietyList: refused })).errorClass, "server");
  const renamed = small.exchangeInfo.replaceAll("exchange_name", "label");
  deepEqual((await failed("openvlab", { exchangeInfo: renamed })).differences, [
    "result[0].exchange_name: expected text, received nothing (4 times)",
  ]);
  for (
    const [name, samples, path] of [
      ["hzzhqx", { varietyList: "" }, "/api/public/variety/list"],
      ["openvlab", { exchangeInfo: "" }, "/api/exchange-info"],
    ] as const
  ) {
    const house = openSites({ samples: { ...small, ...samples } });
    const request = { date: "2026-09-08", signal: new AbortController().signal };
    const gone = await failureIn(sourceOf(house, name).fetch(request));
    ok(gone instanceof SourceError);
    equal(house.sites.requests.length, 1);
    deepEqual([gone.errorClass, gone.httpStatus, gone.message], [
      ...["schema_changed", 404, `Cannot crawl ${name}: GET ${path} answers HTTP 404`],
    ]);
  }
});

Deno.test("openvlab: names the exchanges at home as its list does", async () => {
  const rows = (await crawl("openvlab")).rows.filter(({ contract }) => contract === undefined);
  deepEqual(rows.map(({ values }) => values.exchange_name), [
    ...["上期所", "大商所", "广期所", null, "上交所"],
  ]);
});

Deno.test("openvlab: a code abroad is not the one at home, an evening is the next trading day", async () => {
  const rows = (await crawl("openvlab")).rows.filter(({ contract }) => contract === undefined);
  deepEqual(rows.map(place), [
    "SHFE RB  2026-09-08",
    "DCE EG  2026-09-08",
    "GFEX SI  2026-09-08",
    "COMEX COMEX.SI  2026-09-08",
    "SHSE 510050  2026-09-09",
  ]);
  const [, eg] = rows;
  deepEqual([eg?.values.rv22, eg?.values.skew_current], [null, null]);
});

Deno.test("openvlab: a sentinel is null where volatilities are, and a number where changes are", async () => {
  const { rows } = await crawl("openvlab");
  const near = rows.find(({ contract, kind }) => contract === "EG2610" && kind === "volatility");
  deepEqual(near?.values.mktvol_tday_call_bid, [
    ...[["5100", null], ["5700", "46.0467"], ["5800", null]],
  ]);
  deepEqual(near?.values.strike_oid_c, { 5100: "-100", 5200: "7" });
});

Deno.test("openvlab: a sentinel is null in every volatility, and a number everywhere else", async () => {
  const sent = (text: string, ...names: readonly string[]) =>
    names.reduce(
      (rest, name) => rest.replace(new RegExp(`"${name}":("?)[^",}]+("?)`), `"${name}":$1-200.0$2`),
      text,
    );
  const { rows } = await crawl("openvlab", {
    ctamap: sent(small.ctamap, "atmv_current", "rv22", "skew_current", "carry"),
    surfaces: { EG: sent(small.surfaces.EG ?? "", "atmvol_tday", "forward_td") },
    chains: { CS: sent(small.chains.CS ?? "", "iv", "th") },
    atmvol: small.atmvol.replace("21.5", "-200.0"),
  });
  const of = (kind: string) => rows.find((row) => row.kind === kind)?.values;
  const map = of("volatility");
  deepEqual(
    [map?.atmv_current, map?.rv22, map?.skew_current, map?.carry],
    [null, null, "-200", "-200"],
  );
  const near = rows.find(({ contract }) => contract === "EG2610")?.values;
  deepEqual([near?.atmvol_tday, near?.forward_td], [null, "-200"]);
  match(JSON.stringify(of("structure")?.options), /"iv":null.*"iv_bid":null.*"theta":"-200"/);
  equal(of("daily")?.atm_volatility, null);
});

Deno.test("openvlab: what a surface lost is named, nested texts that are broken too", async () => {
  const spoil = (from: string | RegExp, to: string) => ({
    surfaces: { EG: (small.surfaces.EG ?? "").replace(from, to) },
  });
  const cases: readonly [Partial<SourceSamples>, RegExp][] = [
    [
      spoil('"theovol_tday"', '"theovol"'),
      /result\.202610\.theovol_tday: expected a list of pairs/,
    ],
    [
      spoil('"forward_td":"5182.53"', '"forward_td":"up"'),
      /forward_td: expected a number, received "up"/,
    ],
    [spoil("[[5100.0, 52.1827]]", "[[5100.0, 52.1827]"), /theovol_tday: expected a list of pairs/],
    [spoil("[[5100.0, 52.1827]]", "{}"), /theovol_tday: expected a list of pairs/],
    [spoil("[4250.0, 5800.0]", "[4250.0]"), /trading_strike: expected two numbers/],
  ];
  for (const [samples, says] of cases) {
    const error = await failed("openvlab", samples);
    equal(error.errorClass, "schema_changed");
    match(error.differences.join("\n"), says);
  }
});

Deno.test("openvlab: a product that nobody has quoted yet is of the day asked for", async () => {
  const ctamap = small.ctamap.replace('"last_time":"2026-09-08 11:30:02"', '"last_time":"NaN"');
  const [row] = (await crawl("openvlab", { ctamap, date: "2026-09-04" })).rows;
  deepEqual([row?.reportDate, row?.values.last_time], ["2026-09-04", null]);
});

Deno.test("openvlab: a quote of a year that no calendar has is invalid, half a character no text", async () => {
  const late = small.ctamap.replace("2026-09-08 11:30:02", "9999-12-31 23:00:00");
  const error = await failed("openvlab", { ctamap: late });
  equal(error.errorClass, "invalid");
  match(error.message, /says of RB what cannot be: reportDate: Invalid ISO date/);
  const ctamap = small.ctamap.replace('"product_alias":"名"', '"product_alias":"a\\u0000b\\ud800"');
  const [row] = (await crawl("openvlab", { ctamap })).rows;
  equal(row?.values.name, "a\uFFFDb\uFFFD");
  const refused = '{"code":500,"message":"bad \\u0000\\udfff news"}';
  match((await failed("openvlab", { ctamap: refused })).message, /\(bad \uFFFD\uFFFD news\)$/);
});

Deno.test("jiaoyikecha: empty lists of PHP stand for empty objects", async () => {
  const empty = '{"code":0,"msg":"","data":[]}';
  const jiaoyikecha = {
    ...small.jiaoyikecha,
    variety_position: empty,
    broker_positions: '{"code":0,"msg":"","data":{"positions":[]}}',
  };
  const { rows } = await crawl("jiaoyikecha", { jiaoyikecha });
  equal(rows.filter(({ kind }) => kind === "position_ranking").length, 0);
  equal(rows.filter(({ kind }) => kind === "sentiment").length, 2);
});

Deno.test("jiaoyikecha: a contract without a ranking that day is none, any other code is a failure", async () => {
  const answering = (variety_position: string) => ({
    jiaoyikecha: { ...small.jiaoyikecha, variety_position },
  });
  const nothing = '{"code":1,"msg":"参数错误或数据不存在","data":null}';
  const { rows } = await crawl("jiaoyikecha", answering(nothing));
  const rankings = rows.filter(({ kind }) => kind === "position_ranking");
  deepEqual(rankings.map(place), ["DCE JD JD2706 2026-09-08"], "those of a house alone");
  const codes: readonly [answer: string, errorClass: string][] = [
    ['{"code":1,"msg":"系统繁忙","data":null}', "server"],
    ['{"code":"403","msg":"","data":null}', "login_required"],
    ['{"code":0,"msg":""}', "schema_changed"],
    ['{"code":0,"msg":"","data":null}', "schema_changed"],
    ['{"msg":"","data":[]}', "schema_changed"],
  ];
  for (const [answer, errorClass] of codes) {
    equal((await failed("jiaoyikecha", answering(answer))).errorClass, errorClass, answer);
  }
});

Deno.test("jiaoyikecha: contracts of INE are INE's, whoever lists them", async () => {
  const longhu_list = '{"code":0,"data":[{"name":"原油","code":"sc2611","longhu":1}]}';
  const jiaoyikecha = { ...small.jiaoyikecha, longhu_list };
  const { rows } = await crawl("jiaoyikecha", { jiaoyikecha });
  const oil = rows.find(({ product }) => product === "SC");
  deepEqual([oil?.exchange, oil?.contract], ["INE", "SC2611"]);
});

Deno.test("sina: its script, plain JSON and long names read the same", async () => {
  const script = small.dailies.RB0 ?? "";
  const json = script.slice(script.indexOf("(") + 1, script.lastIndexOf(")"));
  const long = { d: "date", o: "open", h: "high", l: "low", c: "close", v: "volume", p: "hold" };
  const longNamed = Object.entries({ ...long, s: "settle" })
    .reduce((text, [from, to]) => text.replaceAll(`"${from}":`, `"${to}":`), json);
  const expected = await crawl("sina");
  for (const RB0 of [json, longNamed, `var _RB0=(${longNamed})`]) {
    const answer = await crawl("sina", { dailies: { ...small.dailies, RB0 } });
    deepEqual(answer.series, expected.series);
    deepEqual(answer.rows, expected.rows);
  }
});

Deno.test("sina: bars of closed days are set apart, a settlement of zero is none", async () => {
  const { series, rows } = await crawl("sina", { date: "2026-09-06" });
  const dates = (openTimes: readonly { readonly openTime: number }[] = []) =>
    openTimes.map(({ openTime }) => new Date(openTime).toISOString());
  deepEqual(dates(series[1]?.candles), ["2026-09-04T00:00:00.000Z"]);
  deepEqual(dates(series[1]?.offCalendar), ["2026-09-06T00:00:00.000Z"]);
  deepEqual(series[1]?.candles[0]?.high, "3042.5");
  deepEqual(rows.map(place)[1], "SHFE RB RB0 2026-09-04");
  deepEqual(rows[1]?.values.settle, null);
});

Deno.test("sina: the bar of a session that goes on is no report yet, and one as soon as it is over", async () => {
  const reported = async (time: string, date = time.slice(0, 10)) => {
    const { rows, series } = await crawl("sina", { date, now: Date.parse(`${time}+08:00`) });
    equal(series[1]?.candles.length, date < "2026-09-07" ? 1 : 2, "all that was sent");
    return rows[1]?.reportDate;
  };
  // The sample's newest bar is of Monday, 2026-09-07.
  equal(await reported("2026-09-07T10:00:00"), "2026-09-04");
  equal(await reported("2026-09-07T15:14:59"), "2026-09-04");
  equal(await reported("2026-09-07T15:15:00"), "2026-09-07");
  // Its night was that of Friday: what stands there on Saturday is not over either.
  equal(await reported("2026-09-05T02:00:00", "2026-09-07"), "2026-09-04");
});

Deno.test("sina: an unknown contract, two bars for a day and no bars at all are told apart", async () => {
  const dailies = (RB0: string) => ({ dailies: { ...small.dailies, RB0 } });
  const unknown = await failed("sina", dailies("var _RB0=(null);"));
  deepEqual([unknown.errorClass, unknown.message], [
    "invalid",
    "Cannot crawl sina: it has no contract RB0",
  ]);
  const twice = (small.dailies.RB0 ?? "").replace("2026-09-07", "2026-09-04");
  match((await failed("sina", dailies(twice))).message, /two bars of RB0 for 2026-09-04/);
  const { rows, series } = await crawl("sina", dailies("var _RB0=([]);"));
  deepEqual([rows.length, series[1]?.candles], [2, []]);
});

Deno.test("sina: beyond the calendar a bar that repeats the one before it is a holiday's", async () => {
  const bar = (d: string, c: string, v = "7") => ({
    d,
    o: "1",
    h: "9",
    l: "1",
    c,
    v,
    p: "3",
    s: "0",
  });
  const bars = [
    ...[bar("2026-12-30", "5"), bar("2026-12-31", "6"), bar("2027-01-01", "6")],
    ...[bar("2027-01-04", "6"), bar("2027-01-05", "6", "8"), bar("2027-01-06", "6", "0")],
    ...[bar("2027-01-07", "6", "0"), bar("2027-01-08", "7"), bar("2027-01-11", "7")],
  ];
  const { series, rows } = await crawl("sina", {
    ...{ date: "2027-01-11", now: Date.parse("2027-01-11T17:10:00+08:00") },
    dailies: { ...small.dailies, RB0: `var _RB0=(${JSON.stringify(bars)});` },
  });
  const days = (candles: readonly { openTime: number }[] = []) =>
    candles.map(({ openTime }) => new Date(openTime).toISOString().slice(5, 10));
  const main = series.find(({ symbol }) => symbol === "RB0");
  deepEqual(days(main?.offCalendar), ["01-01", "01-04", "01-11"]);
  deepEqual(days(main?.candles), ["12-30", "12-31", "01-05", "01-06", "01-07", "01-08"]);
  equal(rows.find(({ contract }) => contract === "RB0")?.reportDate, "2027-01-08");
});

for (const version of ["5f6760cc", "1.0.3", "123", "2026-09_b", "7"]) {
  Deno.test(`jiaoyikecha: is asked with the version of its page, ${version}`, async () => {
    const shell = small.shell.replace("5f6760cc", version);
    const { sites, sources } = openSites({ samples: { ...small, shell } });
    const request = { date: "2026-09-08", signal: new AbortController().signal };
    await sources.get("jiaoyikecha")?.fetch(request);
    const asked = sites.requests.filter(({ path }) => path.startsWith("/ajax/"));
    ok(asked.length > 1);
    deepEqual([...new Set(asked.map(({ query }) => query.v))], [version]);
  });
}
