import { SHARED_DATA } from "./shared_data.ts";

/** The bodies that the sites answer with, as text. */
export interface SourceSamples {
  readonly overallView: string;
  /** Empty where the site has no such page. */
  readonly varietyList: string;
  readonly exchangeInfo: string;
  readonly ctamap: string;
  /** By underlying. */
  readonly surfaces: Readonly<Record<string, string>>;
  readonly chains: Readonly<Record<string, string>>;
  readonly atmvol: string;
  readonly shell: string;
  readonly session: string;
  readonly loginWall: string;
  /** By endpoint, without `.php`. */
  readonly jiaoyikecha: Readonly<Record<string, string>>;
  /** By opening type. */
  readonly ratings: Readonly<Record<string, string>>;
  /** By symbol. */
  readonly dailies: Readonly<Record<string, string>>;
  readonly page: string;
}

export const SESSION_ID = "0123456789abcdef0123456789abcdef";

const json = (value: unknown) => JSON.stringify(value);
const ok = (result: unknown) => json({ code: 0, result, message: "ok" });
const data = (value: unknown) => json({ code: 0, msg: "", data: value });

/** A few invented rows a source: enough to crawl without any file beside the project. */
export function smallSamples(): SourceSamples {
  return {
    overallView: json({
      success: true,
      errCode: null,
      errDesc: null,
      result: [
        overall({ varietyCode: "RB", varietyName: "螺纹钢", morePort: "偏多" }),
        overall({ varietyCode: "i", varietyName: "铁矿石", morePort: "偏空" }),
      ],
    }),
    varietyList: json({
      success: true,
      errCode: null,
      errDesc: null,
      result: [{
        sectorName: "黑色",
        varietyList: [
          { varietyId: 7, varietyCode: "rb", varietyName: "螺纹", sectorName: "黑色建材" },
          { varietyId: 8, varietyCode: "I", varietyName: "铁矿" },
        ],
      }, { sectorName: "其他", varietyList: null }],
    }),
    exchangeInfo: ok([
      { exchange: "SHFE", exchange_name: "上期所" },
      { exchange: "DCE", exchange_name: "大商所" },
      { exchange: "GFEX", exchange_name: "广期所" },
      { exchange: "SHSE", exchange_name: "上交所" },
    ]),
    ctamap: ok([
      mapRow({ prodUnd: "RB", exchange: "SHFE", price: "3103.50" }),
      mapRow({ prodUnd: "EG", exchange: "DCE", rv22: "nan", skew_current: "" }),
      mapRow({ prodUnd: "SI", exchange: "GFEX" }),
      mapRow({ prodUnd: "SI", exchange: "COMEX", is_overseas: "1" }),
      mapRow({ prodUnd: "510050", exchange: "SHSE", last_time: "2026-09-08 21:05:00" }),
    ]),
    surfaces: { EG: ok({ 202610: expiry("202610"), 202612: bareExpiry("202612") }) },
    chains: { CS: ok(chain()) },
    atmvol: ok({ data: [["2026-09-07", 21.5], ["2026-09-08", "NaN"]] }),
    shell: '<html><script src="/static/app.js?v=5f6760cc"></script></html>',
    session: json({ cookie: { PHPSESSID: SESSION_ID, remember: "" }, data: [], code: 1, msg: "" }),
    loginWall: json({ permissionId: null, msg: '查看"多空领先指标"请先登录', code: 403 }),
    jiaoyikecha: {
      all_varieties: data([
        { market: "上期所", name: "螺纹钢", symbol: "RB" },
        { market: "上期所", name: "原油", symbol: "SC" },
        { market: "大商所", name: "鸡蛋", symbol: "JD" },
      ]),
      daily_wr: data([
        { name: "螺纹钢", wr_unit: 0.1, total_vol: 134546, total_chge: -12, total_vol2: 13454.6 },
        { name: "粳米", wr_unit: 0, total_vol: 0 },
      ]),
      longhu_list: data([{ name: "螺纹钢", code: "rb2701", longhu: 82.81466271334432 }]),
      niuxiong_list: data([
        { name: "螺纹钢", code: "rb2701", niuxiong: 50 },
        { name: "鸡蛋", code: "jd2706", niuxiong: -3 },
      ]),
      recent_contracts: data([{ code: "rb2701", value: 1121773572828 }, {
        code: "index1",
        value: 1,
      }]),
      variety_position: data({
        buy: [{
          broker: "中信期货",
          grade: "A",
          buy: 182955,
          buy_chge: -7593,
          net_position: 78135,
        }],
        ss: [{ broker: "永安期货", grade: "A", ss: 90000, ss_chge: 12, net_position: -5 }],
        total_buy: 182955,
        total_ss: 90000,
      }),
      broker_positions: data({
        positions: { 鸡蛋: [{ code: "jd2706", buy: 312, ss: 786, buy_chge: -2, ss_chge: 29 }] },
      }),
    },
    ratings: {
      早盘提示: ratings([rating("rb", "偏多")], [rating("i", "2")]),
      夜盘提示: ratings([], [rating("rb", "偏空")]),
    },
    dailies: Object.fromEntries(["AU0", "RB0", "SC0"].map((symbol) => [symbol, daily(symbol)])),
    page: `<table>${tableRow("螺纹钢", "85.50")}${tableRow("RB2701", "-")}</table>`,
  };
}

/** The real answers, as far as there are any; the small ones where there are none. */
export async function sharedSamples(): Promise<SourceSamples> {
  const small = smallSamples();
  const read = (path: string) => Deno.readTextFile(`${SHARED_DATA}/cn/${path}`);
  const documented: Readonly<Record<string, unknown>> = JSON.parse(
    await read("jiaoyikecha/documented_responses.json"),
  );
  const documentedPhp = Object.entries(documented).filter(([name]) => name.endsWith(".php"))
    .map(([name, body]) => [name.slice(0, -".php".length), json(body)]);
  return {
    ...small,
    overallView: `{"success":true,"errCode":null,"errDesc":null,"result":${
      camelCased(await read("hzzhqx/overallView_20251201.json"))
    }}`,
    exchangeInfo: await read("openvlab/exchange-info.json"),
    ctamap: await read("openvlab/ctamap-all.add_overseas.EXCERPT.json"),
    surfaces: { EG: await read("openvlab/volatility-surface_EG.EXCERPT.json") },
    chains: { CS: await read("openvlab/dto_CS.EXCERPT.json") },
    session: json(documented["session.php"]),
    loginWall: json(documented["403_login_required"]),
    jiaoyikecha: {
      ...Object.fromEntries(documentedPhp),
      daily_wr: warehouseJson(await read("jiaoyikecha/daily_wr.2026-09-08.csv")),
      longhu_list: await read("jiaoyikecha/longhu_list.json"),
      recent_contracts: data(documented["recent_contracts.php.data"]),
    },
    dailies: Object.fromEntries(
      await Promise.all(
        ["AU0", "RB0", "SC0"].map(async (symbol) => [
          symbol,
          sinaScript(symbol, await read(`sina_futures_daily/${symbol}.json`)),
        ]),
      ),
    ),
  };
}

/** The site's own writing: `excessiveRate` for `excessive_ratio`. */
function camelCased(text: string): string {
  return text.replace(/_ratio"/g, '_rate"')
    .replace(
      /"([a-z]+)_([a-z])([a-z]*)":/g,
      (_, a: string, b: string, c: string) => `"${a}${b.toUpperCase()}${c}":`,
    );
}

function warehouseJson(csv: string): string {
  const rows = csv.trim().split("\n").slice(1).map((line) => line.split(","));
  return data(rows.map(([name, vol, unit]) => ({
    ...{ name, wr_unit: Number(unit), total_vol: Number(vol) },
  })));
}

/** The script that Sina answers with, its numbers text of three decimals or as in the file. */
function sinaScript(symbol: string, text: string): string {
  const names = { date: "d", open: "o", high: "h", low: "l", close: "c", volume: "v", hold: "p" };
  const short = Object.entries({ ...names, settle: "s" })
    .reduce((rest, [long, letter]) => rest.replaceAll(`"${long}":`, `"${letter}":`), text);
  return `/*<script>location.href='//sina.com';</script>*/\nvar _${symbol}=(${short});`;
}

function overall(given: Readonly<Record<string, string>>): Record<string, string | number> {
  return {
    ...{ excessiveRate: 30.77, neutralRate: 53.85, emptyRate: 15.38 },
    ...{ excessiveNum: 20, neutralNum: 35, emptyNum: 10, sum: 65, moreRate: 53.85 },
    ...given,
  };
}

function mapRow(given: Readonly<Record<string, string>>): Record<string, string> {
  return {
    ...{ is_overseas: "0", product_alias: "名", last_time: "2026-09-08 11:30:02", exp: "202610" },
    ...{ product: "X_O", sector: "EN", sector_alias: "能化", expiry_date: "2026-09-16" },
    ...{ price: "100.0", atmv_current: "9.91", atmv_percentile: "1", atmv_1dchg: "-5.12" },
    ...{ skew_current: "1.3", skew_percentile: "48.95", skew_1dchg: "-0.09", rv22: "8.39" },
    ...{ carry: "0.65", ctn: "0.0061", frontfwd_mom: "-0.0863", valphaT: "-0.324" },
    ...given,
  };
}

function bareExpiry(exp: string): Record<string, string> {
  return {
    ...{ exp, expiry_date: "20261117", prior_date: "2026-09-04", last_time: "2026-09-07 15:00:14" },
    ...{ days_to_expiry: "71", maturity_tday: "0.178571", maturity_yday: "0.178604" },
    ...{ forward_td: "5182.53", forward_yd: "5204.66", atmvol_tday: "39.1", atmvol_yday: "39.1" },
    ...{ rho_tday: "nan", rho_yday: "nan", valphaT: "0.009367160000000001", is_ready_fit: "0.0" },
    ...{ move_up: "0.1310181995776134", move_dn: "-0.1310181995776134" },
    ...{ sum_oi_call: "254", sum_oi_put: "79", sum_poi_call: "266", sum_poi_put: "78" },
    ...{ trading_strike: "[4250.0, 5800.0]", display_strike: "[4000.0, 5800.0]" },
    pdf_list: '[[3400.0, "NaN"], [3500.0, 0.0037627561992121805]]',
  };
}

function expiry(exp: string): Record<string, string> {
  return {
    ...bareExpiry(exp),
    ...{ last_time: "2026-09-08 11:29:37", is_ready_fit: "1.0" },
    ...{ mktvol_tday_call_ask: "[]", mktvol_tday_put_bid: "[]", mktvol_tday_put_ask: "[]" },
    theovol_tday: "[[5100.0, 52.1827]]",
    mktvol_tday_call_bid: '[[5100.0, ""], [5700.0, 46.0467], [5800.0, -200.0]]',
    strike_oid_c: '{"5100.0": -100, "5200.0": 7}',
  };
}

function chain(): unknown {
  const quote = {
    ...{ b: 182.0, a: 267.5, p: null, l: null, c: 0.0376, o: 0, v: 0, f: 2555.8513, t: 255.7768 },
    ...{ iv: 15.07, iv_bid: -300.0, iv_ask: 11.65, de: 0.98, ve: 0.3, ga: 0.0003, th: -0.09 },
    cc: "cs2611-C-2300",
  };
  const future = {
    ...{ s: "CS2611", n: "玉米淀粉2611", ua: "2026-09-08T11:30:00Z", x: 10.0 },
    ...{ l: 2558.0, p: 2552.0, b: 2557.0, a: 2558.0, v: 93569, o: 295449 },
  };
  return {
    context: {
      r: { "1d": 0.01586, "183d": 0.024980000000000002 },
      i: {
        i: [future, { ...future, s: "CS2609", ua: "2026-09-07T21:01:25Z" }],
        c: { CS2611: { exp: "261023", fwd: 2556.94, s: { "2300": { c: quote, p: quote } } } },
      },
    },
  };
}

function rating(code: string, forecast: string): Record<string, string> {
  return { breeds: "黑色", smallbreeds: code, smallbreedscode: code, ratingforecast: forecast };
}

function ratings(manyList: readonly unknown[], shortList: readonly unknown[]): string {
  const counts = { manyCount: manyList.length, shortCount: shortList.length };
  return json({ code: 200, msg: "ok", data: { ...counts, manyList, shortList } });
}

function daily(symbol: string): string {
  const bar = (d: string, s: string) =>
    `{"d":"${d}","o":"3023.000","h":"3042.500","l":"3013.000","c":"3017.000","v":"813739","p":"1949409","s":"${s}"}`;
  // A Sunday's bar repeats the one before it.
  const days = [
    bar("2026-09-04", "0.000"),
    bar("2026-09-06", "0.000"),
    bar("2026-09-07", "3028.0"),
  ];
  return `/*<script>location.href='//sina.com';</script>*/\nvar _${symbol}=([${days.join(",")}]);`;
}

function tableRow(variety: string, strength: string): string {
  const cells = { variety, structure: "近强远弱", strength, spread: "-12.5" };
  const tds = Object.entries(cells).map(([name, text]) => `<td class="${name}">${text}</td>`);
  return `<tr class="product">${tds.join("")}</tr>`;
}
