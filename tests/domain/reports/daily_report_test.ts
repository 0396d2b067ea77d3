import { deepEqual, equal, match, ok } from "node:assert/strict";
import fc from "fast-check";
import { type DailyFacts, isDiskLow, type Upkeep } from "@/domain/reports/daily_facts.ts";
import {
  dailyReport,
  problemsOf,
  reportAlert,
  type ReportOptions,
} from "@/domain/reports/daily_report.ts";
import { REPORT_PHRASES } from "@/domain/reports/report_phrases.ts";
import { alertEvents } from "@/events/catalog/alert.ts";
import { dailyFacts, REPORT_AT, sourceDay } from "../../support/daily_facts.ts";

const chinese: ReportOptions = { language: "zh", timeZone: "Asia/Shanghai", at: REPORT_AT };
const english: ReportOptions = { ...chinese, language: "en" };
const HOUR = 3_600_000;

const busy = dailyFacts({
  sources: [
    sourceDay("klines", {
      ...{ succeeded: 1_439, failed: 1, rows: 1_234_567, totalMs: 1_440_000 },
      slowest: { runId: "run-k", durationMs: 65_000 },
    }),
    sourceDay("hzzhqx", {
      ...{ failed: 2, crashed: 1, skipped: 4, totalMs: 4_000 },
      slowest: { runId: "run-h", durationMs: 3_000 },
    }),
    sourceDay("founderfu", { succeeded: 2, rows: 80, totalMs: 1_000 }),
    sourceDay("rongda"),
  ],
  failing: [{
    ...{ source: "hzzhqx", since: REPORT_AT - 16 * HOUR, runs: 3 },
    ...{ errorClass: "LoginRequired", errorMessage: "Cannot read hzzhqx: it wants a login" },
  }],
  gaps: [
    { seriesId: "binance.BTC-USDT.1m", missing: 3, verifiedEmpty: 12 },
    { seriesId: "okx.ETH-USDT.1h", missing: 0, verifiedEmpty: 5 },
    { seriesId: "okx.BTC-USDT.1m", missing: 1_440, verifiedEmpty: 0 },
  ],
  backup: { status: "failing", since: REPORT_AT - 6 * HOUR, error: "no such bucket" },
  disk: { freeBytes: 3e9, totalBytes: 100e9, dataBytes: 61.2e9 },
  undelivered: 2,
});

Deno.test("daily report says in Chinese all that a day held, what is wrong first", () => {
  deepEqual(dailyReport(busy, chinese), {
    title: "【日报】2026-03-01 4 项需要关注",
    markdown: [
      "**概况** 运行 1,445 次，成功率 99.7%，写入 1,234,647 行，跳过 4 次",
      "",
      "**仍在失败** 1",
      "- ⚠️ hzzhqx · 已持续 16 小时，累计 3 次 · LoginRequired: Cannot read hzzhqx: it wants a login",
      "",
      "**各来源** 4",
      "- hzzhqx · 运行 3 次，失败 3 次，成功率 0%，0 行 · 平均耗时 2 秒 · 跳过 4 次",
      "- klines · 运行 1,440 次，失败 1 次，成功率 99.9%，1,234,567 行 · 平均耗时 1 秒",
      "- founderfu · 运行 2 次，失败 0 次，成功率 100%，80 行 · 平均耗时 500 毫秒",
      "- rongda · 没有运行",
      "",
      "**数据缺口** 2",
      "- okx.BTC-USDT.1m · 缺 1,440 根，另有 0 根经核实交易所没有",
      "- binance.BTC-USDT.1m · 缺 3 根，另有 12 根经核实交易所没有",
      "",
      "**最慢的运行** 2",
      "- klines · 1 分 5 秒 · run-k",
      "- hzzhqx · 3 秒 · run-h",
      "",
      "- **归档** 最近 2026-03-02 04:00:00，4 个文件，1.5 MB",
      "- **备份** ⚠️ 自 2026-03-02 03:00:00 起失败：no such bucket",
      "- **磁盘** 剩余 3.0 GB / 100.0 GB，数据占用 61.2 GB ⚠️ 空间不足",
      "- **未送达的告警** ⚠️ 2",
    ].join("\n"),
  });
});

Deno.test("daily report of a day that is not over says until when", () => {
  const soFar = dailyFacts({ isOver: false });
  equal(dailyReport(soFar, chinese).title, "【日报】2026-03-01（截至 09:00，当日未结束） 一切正常");
  equal(
    dailyReport(soFar, english).title,
    "[DAILY REPORT] 2026-03-01 until 09:00 (not over): all is well",
  );
});

Deno.test("daily report says the same in English", () => {
  const { title, markdown } = dailyReport(busy, english);
  equal(title, "[DAILY REPORT] 2026-03-01: 4 to look at");
  for (
    const line of [
      "**In all** 1,445 runs, 99.7% succeeded, 1,234,647 rows, 4 skipped",
      "- ⚠️ hzzhqx · for 16 h, 3 runs · LoginRequired: Cannot read hzzhqx: it wants a login",
      "- hzzhqx · 3 runs, 3 failed, 0% succeeded, 0 rows · mean 2 s · 4 skipped",
      "- rongda · did not run",
      "- okx.BTC-USDT.1m · 1,440 candles missing, 0 more the exchange has not",
      "- klines · 1 min 5 s · run-k",
      "- **Archive** last 2026-03-02 04:00:00, 4 files, 1.5 MB",
      "- **Backup** ⚠️ failing since 2026-03-02 03:00:00: no such bucket",
      "- **Disk** 3.0 GB free of 100.0 GB, data take 61.2 GB ⚠️ running out of space",
      "- **Alerts not delivered** ⚠️ 2",
    ]
  ) ok(markdown.split("\n").includes(line), line);
});

Deno.test("daily report of a quiet day says that all is well and does not warn", () => {
  const { title, markdown } = dailyReport(dailyFacts(), chinese);
  equal(title, "【日报】2026-03-01 一切正常");
  ok(!markdown.includes("⚠️"));
  match(markdown, /\*\*概况\*\* 运行 0 次，成功率 -，/);
  equal(markdown.match(/ 无$/gm)?.length, 4);
  ok(!markdown.includes("未送达"));
});

Deno.test("daily report of a day whose failures are over says how many there were", () => {
  const facts = dailyFacts({ sources: [sourceDay("klines", { succeeded: 9, failed: 2 })] });
  equal(dailyReport(facts, chinese).title, "【日报】2026-03-01 正常，期间失败 2 次");
  equal(dailyReport(facts, english).title, "[DAILY REPORT] 2026-03-01: fine, 2 runs failed");
});

const UPKEEP: readonly [upkeep: Upkeep, problems: number, zh: RegExp, en: RegExp][] = [
  [{ status: "not_configured" }, 0, /备份\*\* 未配置$/m, /Backup\*\* not configured$/m],
  [{ status: "never" }, 1, /备份\*\* ⚠️ 尚未执行$/m, /Backup\*\* ⚠️ never done$/m],
  [
    { status: "ok", at: REPORT_AT, files: 1_000, bytes: 0 },
    0,
    /备份\*\* 最近 2026-03-02 09:00:00，1,000 个文件，0 B$/m,
    /Backup\*\* last 2026-03-02 09:00:00, 1,000 files, 0 B$/m,
  ],
  [
    { status: "failing", since: REPORT_AT, error: "<b>\nno" },
    1,
    /备份\*\* ⚠️ 自 2026-03-02 09:00:00 起失败：＜b＞ no$/m,
    /Backup\*\* ⚠️ failing since 2026-03-02 09:00:00: ＜b＞ no$/m,
  ],
];

for (const [backup, problems, zh, en] of UPKEEP) {
  Deno.test(`daily report with a backup that is ${backup.status} says so in both languages`, () => {
    const facts = dailyFacts({ backup });
    match(dailyReport(facts, chinese).markdown, zh);
    match(dailyReport(facts, english).markdown, en);
    equal(problemsOf(facts), problems);
  });
}

const DISKS: readonly [free: number, total: number | undefined, isLow: boolean][] = [
  [5e9, 1e12, false],
  [4.9e9, 1e12, true],
  [4.9e9, undefined, true],
  [1e9, 8e9, false],
  [0.7e9, 8e9, true],
];

for (const [freeBytes, totalBytes, isLow] of DISKS) {
  Deno.test(`a disk with ${freeBytes} of ${totalBytes} bytes free is ${isLow ? "" : "not "}low`, () => {
    equal(isDiskLow({ freeBytes, totalBytes, dataBytes: undefined }), isLow);
  });
}

Deno.test("daily report leaves out what nobody knows of the disk", () => {
  const disk = { freeBytes: 7e9, totalBytes: undefined, dataBytes: undefined };
  match(dailyReport(dailyFacts({ disk }), english).markdown, /\*\*Disk\*\* 7\.0 GB free$/m);
});

Deno.test("daily report rounds a success rate down: nothing that failed is 100 %", () => {
  const sources = [sourceDay("klines", { succeeded: 99_999, failed: 1, totalMs: 1 })];
  match(dailyReport(dailyFacts({ sources }), english).markdown, /99\.9% succeeded/);
  const all = [sourceDay("klines", { succeeded: 1_000, totalMs: 1 })];
  match(dailyReport(dailyFacts({ sources: all }), english).markdown, / 100% succeeded/);
});

Deno.test("daily report gives no mean of runs that all crashed", () => {
  const sources = [sourceDay("klines", { crashed: 2 })];
  const { markdown } = dailyReport(dailyFacts({ sources }), english);
  match(markdown, /^- klines · 2 runs, 2 failed, 0% succeeded, 0 rows$/m);
});

Deno.test("daily report of long lists is cut to its length and says what it left out", () => {
  const gaps = Array.from({ length: 300 }, (_, i) => ({
    ...{ seriesId: `binance.COIN${i}-USDT.1m`, missing: 300 - i, verifiedEmpty: 0 },
  }));
  const { markdown } = dailyReport(dailyFacts({ gaps }), chinese);
  ok(new TextEncoder().encode(markdown).length <= 3_600);
  match(markdown, /- binance\.COIN0-USDT\.1m/);
  const shown = markdown.match(/binance\.COIN/g)?.length ?? 0;
  ok(shown >= 10, `${shown}`);
  match(markdown, new RegExp(`^- 另有 ${300 - shown} 项$`, "m"));
});

Deno.test("daily report of any day is bounded, whole, and can be told as an alert", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 80 });
  const count = fc.nat({ max: 10_000_000 });
  const source = fc.record({
    ...{ source: text, succeeded: count, failed: count, timedOut: count, crashed: count },
    ...{ skipped: count, rows: count, bytes: count, totalMs: count, attempts: count },
    durations: fc.constant([]),
    slowest: fc.option(fc.record({ runId: text, durationMs: count })),
  });
  const failing = fc.record({
    ...{ source: text, since: fc.nat({ max: REPORT_AT }), runs: count },
    ...{ errorClass: text, errorMessage: text },
  });
  const upkeep = fc.oneof(
    fc.constant<Upkeep>({ status: "never" }),
    fc.record({ status: fc.constant("ok" as const), at: count, files: count, bytes: count }),
    fc.record({ status: fc.constant("failing" as const), since: count, error: text }),
  );
  const facts: fc.Arbitrary<DailyFacts> = fc.record({
    date: fc.constant("2026-03-01"),
    sources: fc.array(source, { maxLength: 30 }),
    failing: fc.array(failing, { maxLength: 30 }),
    gaps: fc.array(fc.record({ seriesId: text, missing: count, verifiedEmpty: count }), {
      maxLength: 60,
    }),
    ...{ archive: upkeep, backup: upkeep, undelivered: count },
    ...{ givenUp: count, isOver: fc.boolean(), isPast: fc.boolean() },
    disk: fc.record({
      freeBytes: count,
      totalBytes: fc.option(count, { nil: undefined }),
      dataBytes: fc.option(count, { nil: undefined }),
    }),
  });
  const maxBytes = fc.constantFrom(2_500, 3_600, 16_000);
  fc.assert(
    fc.property(facts, maxBytes, fc.constantFrom(chinese, english), (facts, most, how) => {
      const report = dailyReport(facts, { ...how, maxBytes: most });
      ok(new TextEncoder().encode(report.markdown).length <= most, `${most}`);
      ok(!/undefined|NaN|\[object/.test(report.markdown), report.markdown);
      const extra = facts.isPast ? 1 + Number(facts.givenUp > 0) : 0;
      equal(report.markdown.split("\n\n").length, 6 + extra);
      deepEqual(dailyReport(facts, { ...how, maxBytes: most }), report);
      const alert = reportAlert(facts.date, report, REPORT_AT);
      deepEqual(alertEvents.AlertRaised.parse(alert), alert);
    }),
    { numRuns: 60 },
  );
});

Deno.test("the report of a day is one alert, whenever it is told", () => {
  const text = { title: "Daily report", markdown: "fine" };
  equal(reportAlert("2026-03-01", text, 1).alertId, reportAlert("2026-03-01", text, 2).alertId);
  deepEqual(reportAlert("2026-03-01", text, 1).text, text);
});

Deno.test("both languages of the report say the same things", () => {
  deepEqual(Object.keys(REPORT_PHRASES.zh).sort(), Object.keys(REPORT_PHRASES.en).sort());
});

Deno.test("daily report of a day long past says of what is so now that it is of now", () => {
  for (const how of [chinese, english]) {
    const words = REPORT_PHRASES[how.language];
    const { title, markdown } = dailyReport({ ...busy, isPast: true }, how);
    equal(title, words.title("2026-03-01", { problems: 0, failures: 4 }));
    const now = markdown.indexOf(`**${words.asOf("2026-03-02 09:00:00")}**`);
    ok(now > 0, markdown);
    for (const part of [words.failing, words.gaps, words.archive, words.backup, words.disk]) {
      ok(markdown.indexOf(`**${part}**`) > now, `${part} is of now`);
    }
    for (const part of [words.total, words.sources, words.slowest]) {
      const at = markdown.indexOf(`**${part}**`);
      ok(at >= 0 && at < now, `${part} is of that day`);
    }
  }
  ok(!dailyReport(busy, english).markdown.includes("As of"));
});

Deno.test("daily report warns of alerts that were given up that day, also long after", () => {
  for (const isPast of [true, false]) {
    const { title, markdown } = dailyReport(dailyFacts({ givenUp: 2, isPast }), english);
    equal(title, "[DAILY REPORT] 2026-03-01: 1 to look at");
    match(markdown, /^- \*\*Alerts given up\*\* ⚠️ 2$/m);
  }
});

Deno.test("daily report warns a desk of the end of its calendar, from sixty days before", () => {
  const sources = [sourceDay("sina", { succeeded: 1 })];
  const told = (day: string, facts = dailyFacts({ sources })) =>
    /^- \*\*Trading calendar\*\* .*$/m.exec(
      dailyReport(facts, { ...english, at: Date.parse(`${day}T09:00:00+08:00`) }).markdown,
    )?.[0];
  equal(told("2026-10-31"), undefined);
  match(told("2026-11-01") ?? "", /known until 2026-12-31 \(60 days left\): upgrade/);
  match(told("2027-02-01") ?? "", /\(0 days left\)/);
  equal(told("2027-02-01", dailyFacts({ sources: [sourceDay("klines")] })), undefined);
});
