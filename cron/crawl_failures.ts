import { type CrawlErrorClass, type CrawlFailure, failureOf } from "@/domain/crawlers/failure.ts";
import { formatSeries, type SeriesRef } from "@/domain/klines/series_ref.ts";
import type { JobReport } from "./job.ts";

export interface FailedSeries {
  readonly series: SeriesRef;
  readonly error: unknown;
}

export interface CrawlRunEnd {
  /** Series that the run was to serve. */
  readonly series: number;
  readonly failures: readonly FailedSeries[];
  /** Series whose venue is not asked at the moment, with the failure that was the reason. */
  readonly leftOut: readonly FailedSeries[];
  /** What was done for the others; it stays done. */
  readonly report: JobReport;
}

const SHOWN = 3;

/** Thrown at the end of a run in which series failed or were left out. */
export class SeriesCrawlsFailed extends Error {
  override readonly name = "SeriesCrawlsFailed";
  /** The most common one that is worth another attempt, else the most common one. */
  readonly errorClass: CrawlErrorClass;
  /** Of the first failure of that class. */
  readonly httpStatus: number | undefined;
  /** The longest pause that a venue asked for. */
  readonly retryAfterMs: number | undefined;
  readonly report: JobReport;
  constructor({ series, failures, leftOut, report }: CrawlRunEnd) {
    super(messageOf({ series, failures, leftOut }), { cause: [...failures, ...leftOut][0]?.error });
    const told = (failures.length > 0 ? failures : leftOut).map(({ error }) => failureOf(error));
    const retryable = told.filter((failure) => failure.retryable);
    const { errorClass, httpStatus } = mostCommon(retryable.length > 0 ? retryable : told);
    this.errorClass = errorClass;
    this.httpStatus = httpStatus ?? undefined;
    this.retryAfterMs = longest(retryable);
    this.report = report;
  }
}

/** The report, unless series failed or were left out. */
export function reportUnlessFailed(end: CrawlRunEnd): JobReport {
  if (end.failures.length + end.leftOut.length > 0) throw new SeriesCrawlsFailed(end);
  return end.report;
}

/** The same text each time the same series fail for the same reasons. */
function messageOf({ series, failures, leftOut }: Omit<CrawlRunEnd, "report">): string {
  const parts: string[] = [];
  if (failures.length > 0) {
    const shown = byName(failures).slice(0, SHOWN).map(reasonOf).join("; ");
    const more = failures.length - SHOWN;
    const rest = more > 0 ? `; and ${more} more` : "";
    parts.push(`Cannot crawl ${failures.length} of ${series} series: ${shown}${rest}`);
  }
  if (leftOut.length > 0) {
    const venues = Map.groupBy(byName(leftOut), (one) => one.series.exchange);
    const told = venues.values().map(([first]) => first === undefined ? "" : venueReason(first));
    parts.push(
      `${leftOut.length} of ${series} series left out, their venue fails over and over: ` +
        [...told].slice(0, SHOWN).join("; "),
    );
  }
  return parts.join(". ");
}

function byName(series: readonly FailedSeries[]): FailedSeries[] {
  return series.toSorted((a, b) => formatSeries(a.series) < formatSeries(b.series) ? -1 : 1);
}

function reasonOf({ series, error }: FailedSeries): string {
  return `${formatSeries(series)} (${failureOf(error).message})`;
}

function venueReason({ series, error }: FailedSeries): string {
  return `${series.exchange} (${failureOf(error).message})`;
}

type Told = Pick<CrawlFailure, "errorClass" | "httpStatus">;

function mostCommon(failures: readonly CrawlFailure[]): Told {
  // What is not worth another attempt although its class is, is told as a class that is not.
  const named = failures.map((failure): Told =>
    failure.errorClass === "DatabaseError" && !failure.retryable
      ? { errorClass: "InternalError", httpStatus: null }
      : failure
  );
  const groups = [...Map.groupBy(named, ({ errorClass }) => errorClass).values()];
  const [largest] = groups.toSorted((a, b) => b.length - a.length);
  return largest?.[0] ?? { errorClass: "InternalError", httpStatus: null };
}

function longest(failures: readonly CrawlFailure[]): number | undefined {
  const asked = failures.flatMap(({ retryAfterMs }) => retryAfterMs ?? []);
  return asked.length === 0 ? undefined : Math.max(...asked);
}
