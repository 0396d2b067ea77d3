import assert from "node:assert/strict";
import fc from "fast-check";
import { type Config, ConfigError, describeConfig, envExample, parseConfig } from "@/config.ts";
import type { Environment, Profile } from "@/config.ts";

const NOW = Date.parse("2026-03-01T00:00:00Z");

function parse(env: Environment, profile?: Profile): Config {
  return parseConfig(env, { now: NOW, ...(profile === undefined ? {} : { profile }) });
}

function problems(env: Environment): readonly string[] {
  try {
    parse(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

Deno.test("config: serves two series from this machine alone when nothing is set", () => {
  const config = parse({});
  assert.equal(config.port, 8000);
  assert.equal(config.host, "127.0.0.1");
  assert.equal(config.dataDir, "./data");
  assert.equal(config.databaseUrl, undefined);
  assert.equal(config.adminToken, undefined);
  assert.deepEqual(config.watch, ["binance:BTC/USDT:1m", "binance:ETH/USDT:1m"]);
  assert.equal(config.hotDays, 365);
  assert.equal(config.cron, true);
  assert.deepEqual([config.marketData, config.metrics], ["open", "admin"]);
  assert.equal(config.timeZone, "Asia/Shanghai");
  assert.deepEqual(
    [
      ...[config.databasePoolMin, config.databasePoolMax, config.databasePoolRecycleS],
      ...[config.databaseIdleTimeoutS, config.databaseStatementTimeoutMs],
    ],
    [15, 30, 3600, 300, 60_000],
  );
  assert.equal(config.trustProxy, 0);
  assert.deepEqual(
    [config.archiveAt, config.keepReplacedDays, config.compatOpenCandle, config.reportAt],
    ["03:30", 30, true, "09:00"],
  );
  assert.deepEqual([config.crawlRetryDelayMs, config.crawlTimeoutMs], [60_000, 300_000]);
});

Deno.test("config: history starts five years before now when it is not set", () => {
  assert.equal(new Date(parse({}).historyStart).toISOString(), "2021-03-01T00:00:00.000Z");
  assert.equal(
    parse({ HISTORY_START: "2019-09-01" }).historyStart,
    Date.parse("2019-09-01T00:00:00Z"),
  );
});

Deno.test("config: the demo profile has a folder and a simulated watch list of its own", () => {
  const config = parse({}, "demo");
  assert.equal(config.profile, "demo");
  assert.equal(config.dataDir, "./data-demo");
  assert.deepEqual(config.watch, ["simulated:BTC/USDT:1m", "simulated:ETH/USDT:1m"]);
  assert.equal(parse({ DATA_DIR: "/elsewhere" }, "demo").dataDir, "/elsewhere");
});

Deno.test("config: an empty or blank variable counts as unset", () => {
  assert.deepEqual(parse({ PORT: "", WATCH: "  ", ADMIN_TOKEN: "" }), parse({}));
});

Deno.test("config: a watch list is unified, trimmed and without doubles", () => {
  const { watch } = parse({ WATCH: " binance:BTCUSDT:1m, okx:ETH/USDT:1h ,binance:BTC/USDT:1m," });
  assert.deepEqual(watch, ["binance:BTC/USDT:1m", "okx:ETH/USDT:1h"]);
});

Deno.test("config: rate limits that are given replace their default, the others stay", () => {
  assert.deepEqual(parse({ RATE_LIMITS: '{"market":0}' }).rateLimits, {
    ...{ auth: 10, lab: 100, write: 600, market: 0 },
  });
});

Deno.test("config: a trusted proxy is counted, or just on", () => {
  const given = ["0", "2", "on", "off", "true", "false"];
  const counted = given.map((value) => parse({ TRUST_PROXY: value }).trustProxy);
  assert.deepEqual(counted, [0, 2, 1, 0, 1, 0]);
});

Deno.test("config: proxies are understood in lower case, too, and upper case goes first", () => {
  const lower = parse({ https_proxy: "http://lower:1" });
  assert.equal(lower.httpsProxy?.reveal(), "http://lower:1");
  const both = parse({ https_proxy: "http://lower:1", HTTPS_PROXY: "http://upper:1" });
  assert.equal(both.httpsProxy?.reveal(), "http://upper:1");
});

Deno.test("config: alert URLs are kept as secrets, each once, and nothing shows them", () => {
  const config = parse({ ALERT_URLS: " dingtalk://hunter2?secret=s , wecom://k,wecom://k, " });
  assert.deepEqual(config.alertUrls.map((url) => url.reveal()), [
    ...["dingtalk://hunter2?secret=s", "wecom://k"],
  ]);
  assert.ok(!JSON.stringify(describeConfig(config)).includes("hunter2"));
  assert.deepEqual(parse({}).alertUrls, []);
  assert.deepEqual([parse({}).alertLanguage, parse({}).reportAt], ["zh", "09:00"]);
});

const WRONG: readonly [name: string, value: string, says: RegExp][] = [
  ["BROWSER_PATH", "/my browsers/chrome", /no space and no comma/],
  ["PORT", "65536", /whole number from 0 to 65535/],
  ["PORT", "80.5", /whole number/],
  ["PORT", "-1", /whole number/],
  ["HOT_DAYS", "0", /from 1/],
  ["HOT_DAYS", "a year", /whole number/],
  ["DATABASE_URL", "mysql://x", /postgres:\/\//],
  ["DATABASE_URL", "localhost", /postgres:\/\//],
  ["DATABASE_POOL_MIN", "31", /at most DATABASE_POOL_MAX/],
  ["WATCH", "binance:BTC/USDT:7m", /7m/],
  ["WATCH", "BTC/USDT", /exchange:SYMBOL:interval/],
  ["HISTORY_START", "yesterday", /2021-01-01/],
  ["HISTORY_START", "-100000000000000", /2000-01-01 to the end of 9999/],
  ["HISTORY_START", "0", /2000-01-01/],
  ["CRON", "yes", /"on"/],
  ["MARKET_DATA", "closed", /"private"/],
  ["METRICS", "yes", /"admin"/],
  ["LOG_LEVEL", "loud", /"debug"/],
  ["TIME_ZONE", "Shanghai", /IANA/],
  ["EXCHANGE_URLS", "{", /JSON/],
  ["EXCHANGE_URLS", '{"binance":"ftp://x"}', /JSON/],
  ["RATE_LIMITS", '{"markets":1}', /classes are auth, lab, write and market/],
  ["RATE_LIMITS", '{"market":-1}', /JSON/],
  ["HTTPS_PROXY", "proxy:8080", /http:\/\//],
  ["TRUST_PROXY", "yes", /whole number/],
  ["BLOB_URL", "s3://bucket", /not supported yet/],
  ["ALERT_URLS", "wecom://a,dingtalk://?secret=x", /entry 2, dingtalk:\/\/… has no token/],
  ["ALERT_URLS", "hello", /entry 1, a text without :\/\/ is not understood/],
  ["ALERT_LANGUAGE", "fr", /"zh"/],
  ["REPORT_AT", "25:00", /time of day/],
  ["ARCHIVE_AT", "3.30", /time of day/],
  ["PUBLIC_URL", "chandlery.example", /https:\/\//],
];

Deno.test("config: each wrong value is named with what is expected", () => {
  for (const [name, value, says] of WRONG) {
    const found = problems({ [name]: value });
    assert.equal(found.length, 1, `${name}=${value}: ${found.join(" | ")}`);
    assert.match(found[0] ?? "", new RegExp(`^${name}: `));
    assert.match(found[0] ?? "", says);
  }
});

Deno.test("config: all errors come at once, a line each", () => {
  const env = { PORT: "x", CRON: "maybe", WATCH: "a,b", TIME_ZONE: "Mars/Olympus" };
  assert.deepEqual(problems(env).map((line) => line.split(":")[0]).toSorted(), [
    ...["CRON", "PORT", "TIME_ZONE", "WATCH", "WATCH"],
  ]);
});

Deno.test("config: no way of printing shows a secret", () => {
  const hidden = "hunter2";
  const config = parse({
    ADMIN_TOKEN: hidden,
    DATABASE_URL: `postgres://me:${hidden}@db/x`,
    EXCHANGE_PROXY: `http://me:${hidden}@proxy:1`,
    HTTP_PROXY: `http://me:${hidden}@proxy:1`,
    HTTPS_PROXY: `http://me:${hidden}@proxy:1`,
  });
  const printed = [
    ...[JSON.stringify(config), Deno.inspect(config), `${config.adminToken}`],
    JSON.stringify(describeConfig(config)),
  ];
  for (const text of printed) assert.ok(!text.includes(hidden), text);
  assert.equal(config.adminToken?.reveal(), hidden);
});

Deno.test("config: an error never repeats the password of a URL", () => {
  const [line = ""] = problems({ DATABASE_URL: "mysql://me:hunter2@db/x" });
  assert.ok(!line.includes("hunter2"), line);
});

Deno.test("config: any text in any variable is parsed or refused, never a crash", () => {
  const names = WRONG.map(([name]) => name);
  fc.assert(fc.property(fc.constantFrom(...names), fc.string(), (name, value) => {
    for (const line of problems({ [name]: value })) assert.ok(line.startsWith(`${name}: `), line);
  }));
});

Deno.test(".env.example: is what config.ts makes", async () => {
  const kept = await Deno.readTextFile(new URL("../.env.example", import.meta.url));
  assert.equal(kept, envExample(), "run `deno task env:example`");
});

Deno.test(".env.example: uncommented as it is, it changes nothing but what has no default", () => {
  const lines = envExample().split("\n").filter((line) => /^# [A-Z_]+=/.test(line));
  const env = Object.fromEntries(lines.map((line) => {
    const [name = "", ...value] = line.slice(2).split("=");
    return [name, value.join("=")];
  }));
  assert.ok(lines.length > 20);
  assert.deepEqual(parse(env), parse({}));
});
