import { localTime } from "@/domain/alerts/language.ts";
import { parseCron } from "./cron_text.ts";
import { nextOccurrence } from "./occurrences.ts";

const MIDNIGHT = parseCron("0 0 * * *");
const DAY_MS = 86_400_000;

/** The first instant of a day of the zone's calendar, and of the next. */
export function dayIn(timeZone: string, date: string): { from: number; to: number } {
  let from = Date.parse(`${date}T00:00:00Z`) - DAY_MS;
  do from = midnightAfter(from, timeZone); while (dateIn(timeZone, from) < date);
  return { from, to: midnightAfter(from, timeZone) };
}

function midnightAfter(at: number, timeZone: string): number {
  return nextOccurrence(MIDNIGHT, at, timeZone) ?? at + DAY_MS;
}

/** `2026-03-01` on the zone's calendar. */
export function dateIn(timeZone: string, at: number): string {
  return localTime(at, timeZone).slice(0, 10);
}
