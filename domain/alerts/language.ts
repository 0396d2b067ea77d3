/** Languages of what is sent to people. */
export const LANGUAGES = ["zh", "en"] as const;
export type Language = typeof LANGUAGES[number];

const formats = new Map<string, Intl.DateTimeFormat>();

/** `2026-03-01 17:30:05` as the clock of a time zone shows it. */
export function localTime(at: number, timeZone: string): string {
  // Swedish writes times as ISO 8601 does.
  const format = formats.get(timeZone) ?? new Intl.DateTimeFormat("sv-SE", {
    ...{ timeZone, year: "numeric", month: "2-digit", day: "2-digit" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  });
  formats.set(timeZone, format);
  return format.format(at);
}

const UNITS: readonly (readonly [ms: number, names: Readonly<Record<Language, string>>])[] = [
  [86_400_000, { zh: "天", en: "d" }],
  [3_600_000, { zh: "小时", en: "h" }],
  [60_000, { zh: "分", en: "min" }],
  [1_000, { zh: "秒", en: "s" }],
];

/** `2 h 5 min`: the two largest units. */
export function durationText(ms: number, language: Language): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ${language === "zh" ? "毫秒" : "ms"}`;
  let left = Math.round(ms / 1_000) * 1_000;
  const largest = UNITS.findIndex(([unit]) => left >= unit);
  const parts = UNITS.slice(largest, largest + 2).flatMap(([unit, names]) => {
    const count = Math.floor(left / unit);
    left -= count * unit;
    return count === 0 ? [] : [`${count} ${names[language]}`];
  });
  return parts.join(" ");
}

/** `1.5 GB`, in powers of 1,000. */
export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let [value, unit] = [Math.max(0, bytes), 0];
  while (value >= 999.95 && unit < units.length - 1) [value, unit] = [value / 1_000, unit + 1];
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * A foreign text as part of a line of markdown: what robots read as a mention, a link or a format of
 * theirs is written with its full-width twin.
 */
export function plainText(text: string, longest = 300): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, " ").trim();
  const short = line.length <= longest ? line : `${line.slice(0, longest).toWellFormed()}…`;
  return short.replaceAll(/[<>[\]`*]/g, (sign) => TWINS[sign] ?? sign);
}

const TWINS: Readonly<Record<string, string>> = {
  ...{ "<": "＜", ">": "＞", "[": "［", "]": "］", "`": "'", "*": "＊" },
};
