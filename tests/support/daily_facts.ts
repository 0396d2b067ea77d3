import type { DailyFacts } from "@/domain/reports/daily_facts.ts";
import { emptyDay, type SourceDay } from "@/domain/reports/source_day.ts";

export const REPORT_AT = Date.parse("2026-03-02T01:00:00Z");

export function sourceDay(source: string, over: Partial<SourceDay> = {}): SourceDay {
  return { ...emptyDay(source), ...over };
}

/** A day on which nothing went wrong and little happened. */
export function dailyFacts(over: Partial<DailyFacts> = {}): DailyFacts {
  return {
    ...{ date: "2026-03-01", sources: [], failing: [], gaps: [], undelivered: 0 },
    ...{ givenUp: 0, isOver: true, isPast: false },
    archive: { status: "ok", at: REPORT_AT - 5 * 3_600_000, files: 4, bytes: 1_500_000 },
    backup: { status: "not_configured" },
    disk: { freeBytes: 40e9, totalBytes: 100e9, dataBytes: 2.5e9 },
    ...over,
  };
}
