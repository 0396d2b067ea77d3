import type { RaisedAlert } from "@/events/catalog/alert.ts";
import { durationText, type Language, localTime, plainText } from "./language.ts";

/** Runs that are due and cannot be started: the schedule itself has failed. Times are epoch ms. */
export interface Standstill {
  readonly id: string;
  /** When that was seen first. */
  readonly since: number;
  readonly at: number;
  readonly problem: string;
}

interface Options {
  readonly language: Language;
  /** IANA name of the zone in which times are shown. */
  readonly timeZone: string;
}

interface Phrases {
  readonly title: string;
  readonly what: string;
  readonly since: string;
  readonly reason: string;
  readonly overTitle: string;
  readonly overWhat: string;
  readonly at: string;
  readonly after: string;
}

const PHRASES: Readonly<Record<Language, Phrases>> = {
  zh: {
    title: "【故障】定时任务无法启动",
    what: "到期的任务没有启动，恢复之后会补跑一次",
    since: "开始时间",
    reason: "原因",
    overTitle: "【恢复】定时任务已恢复",
    overWhat: "错过的任务会补跑一次",
    at: "恢复时间",
    after: "持续时间",
  },
  en: {
    title: "[FAILED] Scheduled runs cannot be started",
    what: "What is due does not run; it is made up for once when this is over",
    since: "Since",
    reason: "Reason",
    overTitle: "[RECOVERED] Scheduled runs are started again",
    overWhat: "What was missed is made up for once",
    at: "Recovered at",
    after: "After",
  },
};

/** Told as it is written: no run stands behind it. */
export function standstillAlert(
  { id, since, at, problem }: Standstill,
  options: Options,
): RaisedAlert {
  const words = PHRASES[options.language];
  return alertOf(`standstill-${id}`, at, {
    title: words.title,
    lines: [
      words.what,
      `**${words.since}** ${zoned(since, options)}`,
      `**${words.reason}** ${plainText(problem)}`,
    ],
  });
}

export function standstillOver(
  { id, since, at }: Omit<Standstill, "problem">,
  options: Options,
): RaisedAlert {
  const words = PHRASES[options.language];
  return alertOf(`standstill-${id}-over`, at, {
    title: words.overTitle,
    lines: [
      words.overWhat,
      `**${words.at}** ${zoned(at, options)}`,
      `**${words.after}** ${durationText(at - since, options.language)}`,
    ],
  });
}

function alertOf(
  alertId: string,
  raisedAt: number,
  { title, lines }: { readonly title: string; readonly lines: readonly string[] },
): RaisedAlert {
  const text = { title, markdown: lines.map((line) => `- ${line}`).join("\n") };
  return {
    ...{ alertId, kind: "report", source: "schedule", raisedAt, channels: null },
    ...{ failures: [], failing: null, recovery: null, text },
  };
}

function zoned(at: number, { timeZone }: Options): string {
  return `${localTime(at, timeZone)} (${timeZone})`;
}
