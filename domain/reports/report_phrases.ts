import type { Language } from "../alerts/language.ts";

/** The words of daily reports. */
export interface ReportPhrases {
  /** What is to be looked at now, and runs that failed in the day. */
  readonly title: (date: string, of: { problems: number; failures: number }) => string;
  /** A day that is not over, and the time up to which it is told. */
  readonly soFar: (date: string, until: string) => string;
  readonly total: string;
  readonly totals: (of: { runs: string; rate: string; rows: string; skipped: string }) => string;
  readonly sources: string;
  readonly source: (of: { runs: string; failures: string; rate: string; rows: string }) => string;
  readonly mean: string;
  readonly nothingRan: string;
  readonly skipped: (runs: string) => string;
  readonly failing: string;
  readonly failingFor: (of: { duration: string; runs: string }) => string;
  readonly none: string;
  readonly gaps: string;
  readonly gap: (of: { missing: string; empty: string }) => string;
  readonly slowest: string;
  readonly archive: string;
  readonly backup: string;
  readonly notConfigured: string;
  readonly never: string;
  readonly kept: (of: { at: string; files: string; size: string }) => string;
  readonly broken: (of: { since: string; error: string }) => string;
  readonly disk: string;
  readonly free: (
    of: { free: string; total: string | undefined; data: string | undefined },
  ) => string;
  readonly low: string;
  readonly calendar: string;
  /** It ends on a date; so many days later holidays are taken for trading days. */
  readonly calendarEnds: (of: { date: string; days: string }) => string;
  readonly undelivered: string;
  readonly givenUp: string;
  /** What follows is of the time at which it is written, not of the day. */
  readonly asOf: (at: string) => string;
  readonly more: (n: number) => string;
}

export const REPORT_PHRASES: Readonly<Record<Language, ReportPhrases>> = {
  zh: {
    title: (date, { problems, failures }) => {
      if (problems > 0) return `【日报】${date} ${problems} 项需要关注`;
      return `【日报】${date} ${failures > 0 ? `正常，期间失败 ${failures} 次` : "一切正常"}`;
    },
    soFar: (date, until) => `${date}（截至 ${until}，当日未结束）`,
    total: "概况",
    totals: ({ runs, rate, rows, skipped }) =>
      `运行 ${runs} 次，成功率 ${rate}，写入 ${rows} 行，跳过 ${skipped} 次`,
    sources: "各来源",
    source: ({ runs, failures, rate, rows }) =>
      `运行 ${runs} 次，失败 ${failures} 次，成功率 ${rate}，${rows} 行`,
    mean: "平均耗时",
    nothingRan: "没有运行",
    skipped: (runs) => `跳过 ${runs} 次`,
    failing: "仍在失败",
    failingFor: ({ duration, runs }) => `已持续 ${duration}，累计 ${runs} 次`,
    none: "无",
    gaps: "数据缺口",
    gap: ({ missing, empty }) => `缺 ${missing} 根，另有 ${empty} 根经核实交易所没有`,
    slowest: "最慢的运行",
    archive: "归档",
    backup: "备份",
    notConfigured: "未配置",
    never: "⚠️ 尚未执行",
    kept: ({ at, files, size }) => `最近 ${at}，${files} 个文件，${size}`,
    broken: ({ since, error }) => `⚠️ 自 ${since} 起失败：${error}`,
    disk: "磁盘",
    free: ({ free, total, data }) =>
      `剩余 ${free}${total === undefined ? "" : ` / ${total}`}` +
      (data === undefined ? "" : `，数据占用 ${data}`),
    low: "⚠️ 空间不足",
    calendar: "交易日历",
    calendarEnds: ({ date, days }) =>
      `⚠️ 仅到 ${date}（剩 ${days} 天），请升级，否则节假日会被当作交易日`,
    undelivered: "未送达的告警",
    givenUp: "放弃送达的告警",
    asOf: (at) => `以下为 ${at} 的状态，并非当日`,
    more: (n) => `另有 ${n} 项`,
  },
  en: {
    title: (date, { problems, failures }) => {
      if (problems > 0) return `[DAILY REPORT] ${date}: ${problems} to look at`;
      return `[DAILY REPORT] ${date}: ${
        failures > 0 ? `fine, ${failures} runs failed` : "all is well"
      }`;
    },
    soFar: (date, until) => `${date} until ${until} (not over)`,
    total: "In all",
    totals: ({ runs, rate, rows, skipped }) =>
      `${runs} runs, ${rate} succeeded, ${rows} rows, ${skipped} skipped`,
    sources: "Sources",
    source: ({ runs, failures, rate, rows }) =>
      `${runs} runs, ${failures} failed, ${rate} succeeded, ${rows} rows`,
    mean: "mean",
    nothingRan: "did not run",
    skipped: (runs) => `${runs} skipped`,
    failing: "Still failing",
    failingFor: ({ duration, runs }) => `for ${duration}, ${runs} runs`,
    none: "none",
    gaps: "Gaps",
    gap: ({ missing, empty }) => `${missing} candles missing, ${empty} more the exchange has not`,
    slowest: "Slowest runs",
    archive: "Archive",
    backup: "Backup",
    notConfigured: "not configured",
    never: "⚠️ never done",
    kept: ({ at, files, size }) => `last ${at}, ${files} files, ${size}`,
    broken: ({ since, error }) => `⚠️ failing since ${since}: ${error}`,
    disk: "Disk",
    free: ({ free, total, data }) =>
      `${free} free${total === undefined ? "" : ` of ${total}`}` +
      (data === undefined ? "" : `, data take ${data}`),
    low: "⚠️ running out of space",
    calendar: "Trading calendar",
    calendarEnds: ({ date, days }) =>
      `⚠️ known until ${date} (${days} days left): upgrade, or holidays count as trading days`,
    undelivered: "Alerts not delivered",
    givenUp: "Alerts given up",
    asOf: (at) => `As of ${at}, not of that day`,
    more: (n) => `${n} more`,
  },
};
