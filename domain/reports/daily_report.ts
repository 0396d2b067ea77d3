import type { RaisedAlert } from "@/events/catalog/alert.ts";
import {
  bytesText,
  durationText,
  type Language,
  localTime,
  plainText,
} from "../alerts/language.ts";
import { CALENDAR_TO, calendarDaysLeft } from "../klines/trading_calendar.ts";
import { SOURCE_NAMES } from "../ports/source_names.ts";
import { type DailyFacts, isDiskLow, type Upkeep } from "./daily_facts.ts";
import { REPORT_PHRASES, type ReportPhrases } from "./report_phrases.ts";
import { failuresOf, runsOf, type SourceDay, successRate } from "./source_day.ts";

export interface ReportOptions {
  readonly language: Language;
  readonly timeZone: string;
  /** When it is written, epoch ms. */
  readonly at: number;
  /** Bytes of markdown at most (UTF-8); below 2,500 the report may be longer. */
  readonly maxBytes?: number | undefined;
}

export interface DailyReport {
  readonly title: string;
  readonly markdown: string;
}

/** What every robot takes uncut. */
const MAX_BYTES = 3_600;
/** Entries of a list, the most that fit. */
const LENGTHS = [50, 30, 20, 14, 10, 7, 5, 3, 2, 1, 0] as const;
const LONGEST_NAME = 60;
const LONGEST_ERROR = 100;

/** The day in markdown: what went wrong comes first, long lists are cut and say so. */
export function dailyReport(facts: DailyFacts, options: ReportOptions): DailyReport {
  const { language, timeZone, at, maxBytes = MAX_BYTES } = options;
  const words = REPORT_PHRASES[language];
  const failures = facts.sources.reduce((sum, day) => sum + failuresOf(day), 0);
  const until = localTime(at, timeZone).slice(11, 16);
  const day = facts.isOver ? facts.date : words.soFar(facts.date, until);
  const title = words.title(day, { problems: problemsOf(facts), failures });
  const encoder = new TextEncoder();
  const fitting = LENGTHS.find((most) =>
    encoder.encode(render(facts, options, most)).length <= maxBytes
  );
  return { title, markdown: render(facts, options, fitting ?? 0) };
}

/** The report as something that the channels are told, once a day. */
export function reportAlert(date: string, text: DailyReport, raisedAt: number): RaisedAlert {
  return {
    ...{ alertId: `daily-report-${date}`, kind: "report", source: "daily-report", raisedAt },
    ...{ channels: null, failures: [], failing: null, recovery: null, text },
  };
}

/** Things that somebody should look at. */
export function problemsOf(facts: DailyFacts): number {
  const { failing, archive, backup, disk, undelivered, givenUp, isPast } = facts;
  if (isPast) return Number(givenUp > 0);
  const upkeep = [archive, backup].filter(({ status }) =>
    status === "failing" || status === "never"
  );
  return failing.length + upkeep.length + Number(isDiskLow(disk)) + Number(undelivered > 0) +
    Number(givenUp > 0);
}

function render(facts: DailyFacts, options: ReportOptions, most: number): string {
  const words = REPORT_PHRASES[options.language];
  const { disk, undelivered, givenUp, isPast } = facts;
  const free = words.free({
    free: bytesText(disk.freeBytes),
    total: disk.totalBytes === undefined ? undefined : bytesText(disk.totalBytes),
    data: disk.dataBytes === undefined ? undefined : bytesText(disk.dataBytes),
  });
  const total = `**${words.total}** ${totals(facts.sources, words)}`;
  const failing = section(words.failing, failingLines(facts, options), { words, most });
  const sources = section(words.sources, sourceLines(facts, options), { words, most });
  const gaps = section(words.gaps, gapLines(facts, words), { words, most });
  const slowest = section(words.slowest, slowestLines(facts, options), {
    ...{ words, most: Math.min(most, 5) },
  });
  const lost = givenUp === 0 ? [] : [`- **${words.givenUp}** ⚠️ ${grouped(givenUp)}`];
  const upkeep = [
    `- **${words.archive}** ${upkeepText(facts.archive, options)}`,
    `- **${words.backup}** ${upkeepText(facts.backup, options)}`,
    `- **${words.disk}** ${free}${isDiskLow(disk) ? ` ${words.low}` : ""}`,
    ...calendarLines(facts, options),
    ...(undelivered === 0 ? [] : [`- **${words.undelivered}** ⚠️ ${grouped(undelivered)}`]),
  ];
  const parts = isPast
    ? [total, sources, slowest, ...lost, asOf(options), failing, gaps, upkeep.join("\n")]
    : [total, failing, sources, gaps, slowest, [...upkeep, ...lost].join("\n")];
  return parts.join("\n\n");
}

/** Of those who crawl the futures desk: its holidays are known for a while only. */
function calendarLines({ sources }: DailyFacts, { language, at }: ReportOptions): string[] {
  const days = calendarDaysLeft(at);
  const isDesk = sources.some(({ source }) => SOURCE_NAMES.some((name) => name === source));
  if (days === undefined || !isDesk) return [];
  const words = REPORT_PHRASES[language];
  const text = words.calendarEnds({ date: CALENDAR_TO, days: String(Math.max(0, days)) });
  return [`- **${words.calendar}** ${text}`];
}

function asOf({ language, timeZone, at }: ReportOptions): string {
  return `**${REPORT_PHRASES[language].asOf(localTime(at, timeZone))}**`;
}

function section(
  title: string,
  lines: readonly string[],
  { words, most }: { words: ReportPhrases; most: number },
): string {
  if (lines.length === 0) return `**${title}** ${words.none}`;
  const shown = lines.slice(0, most).map((line) => `- ${line}`);
  const hidden = lines.length - shown.length;
  const more = hidden === 0 ? [] : [`- ${words.more(hidden)}`];
  return [`**${title}** ${lines.length}`, ...shown, ...more].join("\n");
}

function totals(sources: readonly SourceDay[], words: ReportPhrases): string {
  const sum = (of: (day: SourceDay) => number) =>
    grouped(sources.reduce((total, day) => total + of(day), 0));
  return words.totals({
    ...{ runs: sum(runsOf), rate: percent(successRate(sources)) },
    ...{ rows: sum(({ rows }) => rows), skipped: sum(({ skipped }) => skipped) },
  });
}

function failingLines({ failing }: DailyFacts, { language, at }: ReportOptions): string[] {
  const words = REPORT_PHRASES[language];
  return failing.toSorted((a, b) => a.since - b.since).map((one) => {
    const duration = durationText(at - one.since, language);
    const lasting = words.failingFor({ duration, runs: grouped(one.runs) });
    const error = plainText(`${one.errorClass}: ${one.errorMessage}`, LONGEST_ERROR);
    return `⚠️ ${name(one.source)} · ${lasting} · ${error}`;
  });
}

/** The worst first. */
function sourceLines({ sources }: DailyFacts, { language }: ReportOptions): string[] {
  const words = REPORT_PHRASES[language];
  const ordered = sources.toSorted((a, b) =>
    failuresOf(b) - failuresOf(a) || (a.source < b.source ? -1 : 1)
  );
  return ordered.map((day) => {
    const { source, skipped, rows, crashed } = day;
    const runs = runsOf(day);
    const left = skipped === 0 ? [] : [words.skipped(grouped(skipped))];
    if (runs === 0) return [name(source), words.nothingRan, ...left].join(" · ");
    const rate = percent(successRate([day]));
    const failures = grouped(failuresOf(day));
    const said = words.source({ runs: grouped(runs), failures, rate, rows: grouped(rows) });
    const timed = runs - crashed;
    const mean = timed === 0
      ? []
      : [`${words.mean} ${durationText(day.totalMs / timed, language)}`];
    return [name(source), said, ...mean, ...left].join(" · ");
  });
}

function gapLines({ gaps }: DailyFacts, words: ReportPhrases): string[] {
  return gaps.filter(({ missing }) => missing > 0)
    .toSorted((a, b) => b.missing - a.missing || (a.seriesId < b.seriesId ? -1 : 1))
    .map(({ seriesId, missing, verifiedEmpty }) => {
      const gap = words.gap({ missing: grouped(missing), empty: grouped(verifiedEmpty) });
      return `${name(seriesId)} · ${gap}`;
    });
}

function slowestLines({ sources }: DailyFacts, { language }: ReportOptions): string[] {
  return sources.flatMap(({ source, slowest }) => slowest === null ? [] : [{ source, ...slowest }])
    .toSorted((a, b) => b.durationMs - a.durationMs || (a.source < b.source ? -1 : 1))
    .map(({ source, durationMs, runId }) =>
      `${name(source)} · ${durationText(durationMs, language)} · ${name(runId)}`
    );
}

function upkeepText(upkeep: Upkeep, { language, timeZone }: ReportOptions): string {
  const words = REPORT_PHRASES[language];
  switch (upkeep.status) {
    case "not_configured":
      return words.notConfigured;
    case "never":
      return words.never;
    case "ok": {
      const { at, files, bytes } = upkeep;
      const size = bytesText(bytes);
      return words.kept({ at: localTime(at, timeZone), files: grouped(files), size });
    }
    case "failing": {
      const error = plainText(upkeep.error, LONGEST_ERROR);
      return words.broken({ since: localTime(upkeep.since, timeZone), error });
    }
  }
}

function name(text: string): string {
  return plainText(text, LONGEST_NAME);
}

/** Rounded down: 100 % is said of nothing that failed once. */
function percent(rate: number | undefined): string {
  return rate === undefined ? "-" : `${Math.floor(rate * 1_000 + 1e-9) / 10}%`;
}

function grouped(n: number): string {
  return n.toLocaleString("en-US", { maximumFractionDigits: 0 });
}
