import type { Language } from "./language.ts";

/** The words of alerts. */
export interface Phrases {
  readonly failed: (source: string) => string;
  readonly failedAgain: (source: string, runs: number) => string;
  readonly recovered: (source: string) => string;
  readonly several: (alerts: number) => string;
  readonly source: string;
  readonly time: string;
  readonly attempts: string;
  readonly error: string;
  readonly message: string;
  readonly status: string;
  readonly run: string;
  readonly failingSince: string;
  readonly failedRuns: string;
  readonly byError: string;
  readonly latest: string;
  readonly recoveredAt: string;
  readonly after: string;
  readonly notToldYet: (runs: number) => string;
  /** Why failures before a recovery are told so late. */
  readonly inTurn: string;
  readonly more: (runs: number) => string;
  readonly times: (n: number) => string;
  readonly crashed: string;
  /** An error class with what it means, where that is known. */
  readonly errorClass: (name: string) => string;
}

const MEANINGS: Readonly<Record<string, string>> = {
  NetworkError: "网络错误",
  RateLimited: "请求过于频繁",
  ServerError: "服务器错误",
  Timeout: "超时",
  BrokenAnswer: "返回内容不完整",
  DatabaseError: "数据库错误",
  Refused: "请求被拒绝",
  LoginRequired: "需要登录",
  SchemaChanged: "数据结构已变化",
  ValidationFailed: "数据校验未通过",
  NotConfigured: "尚未配置",
  InternalError: "程序内部错误",
  Crashed: "进程中断",
};

export const PHRASES: Readonly<Record<Language, Phrases>> = {
  zh: {
    failed: (source) => `【失败】${source} 抓取失败`,
    failedAgain: (source, runs) => `【持续失败】${source} 又失败 ${runs} 次`,
    recovered: (source) => `【恢复】${source} 已恢复正常`,
    several: (alerts) => `${alerts} 条告警`,
    source: "来源",
    time: "时间",
    attempts: "尝试次数",
    error: "错误类型",
    message: "错误信息",
    status: "HTTP 状态",
    run: "运行详情",
    failingSince: "开始失败",
    failedRuns: "累计失败",
    byError: "错误分布",
    latest: "最近一次",
    recoveredAt: "恢复时间",
    after: "持续时间",
    notToldYet: (runs) => `此前未单独通知的失败 ${runs} 次`,
    inTurn: "反复失败又恢复，合并为一条通知",
    more: (runs) => `另有 ${runs} 次，详见运行日志`,
    times: (n) => `${n} 次`,
    crashed: "运行进程已消失，本次运行没有结果",
    errorClass: (name) => Object.hasOwn(MEANINGS, name) ? `${name}（${MEANINGS[name]}）` : name,
  },
  en: {
    failed: (source) => `[FAILED] ${source} could not be crawled`,
    failedAgain: (source, runs) =>
      `[STILL FAILING] ${source} failed ${runs} more ${runs === 1 ? "time" : "times"}`,
    recovered: (source) => `[RECOVERED] ${source} works again`,
    several: (alerts) => `${alerts} alerts`,
    source: "Source",
    time: "Time",
    attempts: "Attempts",
    error: "Error",
    message: "Message",
    status: "HTTP status",
    run: "Run",
    failingSince: "Failing since",
    failedRuns: "Failed runs",
    byError: "By error",
    latest: "Latest",
    recoveredAt: "Recovered at",
    after: "After",
    notToldYet: (runs) => `Failures not told one by one: ${runs}`,
    inTurn: "It fails and recovers in turn, so this is told together",
    more: (runs) => `${runs} more, see the log of runs`,
    times: (n) => `${n}`,
    crashed: "its process is gone, this run has no result",
    errorClass: (name) => name,
  },
};
