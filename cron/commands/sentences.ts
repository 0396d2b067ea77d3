import type { Counts } from "@/domain/ports/installation.ts";

/** `1,767,792 candles`, `1 candle`: the noun in the singular. */
export function count(value: number, noun: string): string {
  return `${value.toLocaleString("en")} ${noun}${value === 1 ? "" : "s"}`;
}

/** `12 added, 3 revised`, leaving out what is zero; `nothing new` when all is. */
export function listCounts(counts: readonly (readonly [value: number, what: string])[]): string {
  const told = counts.filter(([value]) => value > 0);
  if (told.length === 0) return "nothing new";
  return told.map(([value, what]) => `${value.toLocaleString("en")} ${what}`).join(", ");
}

/** The counts of a job in the order it gave them, without zeros. */
export function describeCounts(counts: Counts): string {
  const told = Object.entries(counts).flatMap(([name, value]) => {
    if (typeof value !== "number" || value === 0) return [];
    return [`${value.toLocaleString("en")} ${words(name)}`];
  });
  return told.length === 0 ? "nothing new" : told.join(", ");
}

/** `heldBetter` → `held_better`, on the first level and below. */
export function toWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toWire);
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [snake(name), toWire(inner)]),
  );
}

/** `7.4 MB`, in powers of 1000. */
export function formatBytes(sizeBytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit] ?? ""}`;
}

export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(".000Z", "Z");
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function words(name: string): string {
  return snake(name).replaceAll("_", " ");
}
