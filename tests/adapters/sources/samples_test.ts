import { deepEqual, equal, ok } from "node:assert/strict";
import type { MarketReport, ReportValue } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { openSites, sourceOf } from "@/tests/support/open_sites.ts";
import { realDataTest, SHARED_DATA } from "@/tests/support/shared_data.ts";
import { sharedSamples } from "@/tests/support/source_samples.ts";

async function crawl(name: SourceName, date = "2026-09-08") {
  const house = openSites({ samples: await sharedSamples() });
  const request = { date, signal: new AbortController().signal };
  return await sourceOf(house, name).fetch(request);
}

function find(
  rows: readonly MarketReport[],
  wanted: Partial<Pick<MarketReport, "kind" | "product" | "contract">>,
): MarketReport {
  const found = rows.filter((row) =>
    row.product === wanted.product && row.contract === wanted.contract &&
    (wanted.kind === undefined || row.kind === wanted.kind)
  );
  const [row] = found;
  equal(found.length, 1, JSON.stringify(wanted));
  ok(row);
  return row;
}

/** Every number of a value, wherever it is nested. */
function leaves(value: ReportValue): readonly (string | boolean | null)[] {
  if (value === null || typeof value !== "object") return [value];
  return Object.values(value).flatMap(leaves);
}

realDataTest("hzzhqx: every product of the sample is a report, digit by digit", async () => {
  const path = `${SHARED_DATA}/cn/hzzhqx/overallView_20251201.json`;
  const sample: readonly Readonly<Record<string, string | number>>[] = JSON.parse(
    await Deno.readTextFile(path),
  );
  const { rows } = await crawl("hzzhqx", "2025-12-01");
  equal(rows.length, 75);
  for (const { variety_code, variety_name, record_time: _, ...values } of sample) {
    const row = find(rows, { kind: "sentiment", product: String(variety_code) });
    const expected = Object.entries(values).map(([name, one]) => [name, String(one)]);
    const { name, sector, ...numbers } = row.values;
    deepEqual(numbers, Object.fromEntries(expected));
    // The list of varieties is invented: it has two of them.
    if (sector === null) equal(name, variety_name);
    equal(row.reportDate, "2025-12-01");
    ok(row.exchange !== null, row.product);
  }
  equal(find(rows, { product: "SC" }).exchange, "INE");
  equal(find(rows, { product: "EC" }).exchange, "INE");
  equal(find(rows, { product: "TL" }).exchange, "CFFEX");
});

realDataTest("openvlab: the map gives each product's front month, at home and abroad", async () => {
  const rows = (await crawl("openvlab")).rows.filter(({ kind }) => kind === "volatility");
  equal(rows.filter(({ contract }) => contract === undefined).length, 13);
  const eg = find(rows, { product: "EG" });
  equal(eg.exchange, "DCE");
  equal(eg.reportDate, "2026-09-08");
  equal(eg.values.exchange_name, "大商所");
  equal(find(rows, { product: "NYMEX.CL" }).values.exchange_name, null);
  equal(eg.values.atmv_current, "46.81");
  equal(eg.values.price, "5808");
  equal(eg.values.valphaT, "-0.324");
  equal(eg.values.expiry_date, "2026-09-16");
  deepEqual(
    ["510050", "588080", "NYMEX.CL", "HKFE.HSTECH"].map((product) =>
      find(rows, { product }).exchange
    ),
    ["SHSE", "SHSE", "NYMEX", "HKFE"],
  );
});

realDataTest(
  "openvlab: the surface's nested texts are read, with holes as null and every digit",
  async () => {
    const { rows } = await crawl("openvlab");
    const near = find(rows, { product: "EG", contract: "EG2610", kind: "volatility" });
    deepEqual(near.values.trading_strike, ["5300", "6300"]);
    deepEqual([near.values.mktvol_tday_call_bid].flat().slice(5, 8), [
      ...[["5600", null], ["5700", "46.0467"], ["5800", "45.8883"]],
    ]);
    equal(near.values.move_up, "0.059136585256037266");
    const changes = near.values.strike_oid_c;
    ok(typeof changes === "object" && changes !== null && !Array.isArray(changes));
    deepEqual(Object.entries(changes).slice(0, 2), [["5100", "-1"], ["5200", "-18"]]);

    const far = find(rows, { product: "EG", contract: "EG2612", kind: "volatility" });
    // Nobody has traded it since the day before.
    equal(far.reportDate, "2026-09-07");
    equal(far.values.rho_tday, null);
    equal(far.values.mktvol_tday_call_bid, undefined);
    deepEqual([far.values.pdf_list].flat().slice(0, 2), [
      ...[["3400", null], ["3500", "0.0037627561992121805"]],
    ]);
  },
);

realDataTest(
  "openvlab: the chain's sentinels are null, and an evening's quote is the next day's",
  async () => {
    const rows = (await crawl("openvlab")).rows.filter(({ kind }) => kind === "structure");
    deepEqual(rows.map(({ contract }) => contract), [
      ...["CS2611", "CS2705", "CS2609", "CS2703", "CS2701"],
    ]);
    const front = find(rows, { product: "CS", contract: "CS2611" });
    equal(front.values.open_interest, "295449");
    deepEqual(front.values.rates, {
      ...{ "1d": "0.01586", "7d": "0.01786", "14d": "0.02078", "30d": "0.02398", "91d": "0.0245" },
      ...{ "183d": "0.024980000000000002", "274d": "0.025150000000000002", "365d": "0.02532" },
    });
    const quotes = leaves(front.values.options ?? null);
    for (const sentinel of ["-100", "-200", "-300"]) ok(!quotes.includes(sentinel));
    ok(quotes.includes("11.65") && quotes.includes("-0.681082"));
    const evening = find(rows, { product: "CS", contract: "CS2609" });
    equal(evening.values.updated_at, "2026-09-07 21:01:25");
    equal(evening.reportDate, "2026-09-08");
  },
);

realDataTest("jiaoyikecha: warehouse receipts, scores and rankings become reports", async () => {
  const { rows, raw } = await crawl("jiaoyikecha");
  const csv = await Deno.readTextFile(`${SHARED_DATA}/cn/jiaoyikecha/daily_wr.2026-09-08.csv`);
  const lines = csv.trim().split("\n").slice(1).map((line) => line.split(","));
  const receipts = rows.filter(({ kind }) => kind === "warehouse");
  equal(receipts.length, lines.length);
  for (const [i, [name, total, unit]] of lines.entries()) {
    const { exchange, values } = receipts[i] ?? {};
    deepEqual([values?.name, values?.total_vol, values?.wr_unit], [name, total, unit]);
    ok(typeof exchange === "string", `exchange of ${name}`);
  }
  const silver = find(receipts, { product: "AG" });
  deepEqual([silver.exchange, silver.values.wr_unit], ["SHFE", "0.067"]);

  const gold = find(rows, { kind: "sentiment", product: "AU", contract: "AU2612" });
  // Two lists of the site speak of the same contract.
  deepEqual(gold.values, { name: "沪金", longhu: "82.81466271334432", niuxiong: "44" });
  equal(rows.filter(({ kind }) => kind === "sentiment").length, 11);

  const steel = find(rows, { kind: "position_ranking", product: "RB", contract: "RB2701" });
  deepEqual(steel.values.long, [{
    ...{ broker: "中信期货", grade: "A", position: "182955", change: "-7593" },
    net_position: "78135",
  }]);
  const eggs = find(rows, { kind: "position_ranking", product: "JD", contract: "JD2706" });
  deepEqual(eggs.values["broker:国泰君安"], {
    ...{ long: "312", long_change: "-2", short: "786", short_change: "29" },
  });
  ok(!new TextDecoder().decode(raw.bytes).includes("00000000000000000000000000000000"));
});

realDataTest("sina: every bar is a candle or set apart, digit by digit", async () => {
  const { series, rows } = await crawl("sina");
  for (const { symbol, candles, offCalendar } of series) {
    const path = `${SHARED_DATA}/cn/sina_futures_daily/${symbol}.json`;
    const text = await Deno.readTextFile(path);
    const all = [...candles, ...offCalendar].sort((a, b) => a.openTime - b.openTime);
    const written = [...text.matchAll(
      /"date": "([\d-]+)", "open": ([\d.]+), "high": ([\d.]+), "low": ([\d.]+), "close": ([\d.]+), "volume": (\d+)/g,
    )].map(([, date, ...numbers]) => [Date.parse(`${date}T00:00:00Z`), ...numbers]);
    deepEqual(
      all.map((one) => [one.openTime, one.open, one.high, one.low, one.close, one.volume]),
      [
        ...written,
      ],
    );
  }
  const apart = Object.fromEntries(series.map(({ symbol, offCalendar }) => [
    symbol,
    offCalendar.map(({ openTime }) => new Date(openTime).toISOString().slice(0, 10)),
  ]));
  deepEqual(apart.RB0, ["2010-06-14", "2015-09-03", "2015-10-01", "2017-01-02"]);
  equal(apart.AU0?.length, 15);
  deepEqual(apart.SC0, []);
  const steel = find(rows, { kind: "daily", product: "RB", contract: "RB0" });
  equal(steel.reportDate, "2026-08-21");
  deepEqual([steel.values.settle, steel.values.open_interest], ["3038", "1748834"]);
});

realDataTest(
  "sina: a day of long ago is answered as of that day, its zero settlement as none",
  async () => {
    const { rows, series } = await crawl("sina", "2009-04-06");
    // A holiday: the newest bar is of the Friday before it.
    const steel = find(rows, { kind: "daily", product: "RB", contract: "RB0" });
    deepEqual([steel.reportDate, steel.values.close, steel.values.settle], [
      "2009-04-03",
      "3448",
      null,
    ]);
    equal(series.find(({ symbol }) => symbol === "RB0")?.candles.length, 6);
    equal(series.find(({ symbol }) => symbol === "SC0")?.candles.length, 0);
    equal(rows.length, 2);
  },
);
