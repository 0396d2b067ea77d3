import { z } from "zod";
import type { Candle } from "../klines/candle.ts";
import type { Progress } from "./progress.ts";
import type { SourceError } from "./source_error.ts";
import { SOURCE_NAMES, type SourceName } from "./source_names.ts";

export const REPORT_KINDS = [
  "sentiment",
  "position_ranking",
  "volatility",
  "structure",
  "rating",
  "warehouse",
  "daily",
] as const;

export type ReportKind = typeof REPORT_KINDS[number];

/** Numbers are decimal text with every digit that was sent; what a source has no value for is null. */
export type ReportValue =
  | string
  | boolean
  | null
  | readonly ReportValue[]
  | { readonly [name: string]: ReportValue };

const reportValue: z.ZodType<ReportValue> = z.lazy(() =>
  z.union([
    z.string(),
    z.boolean(),
    z.null(),
    z.array(reportValue),
    z.record(z.string(), reportValue),
  ])
);

/** `2026-09-08`, and a day that exists. */
export const reportDate = z.iso.date();

/** What one source says of one product (or contract) for one trading day. */
export const marketReport = z.object({
  source: z.enum(SOURCE_NAMES),
  kind: z.enum(REPORT_KINDS),
  /** `SHFE`, `DCE`, …; null where the source names a product that nobody here knows. */
  exchange: z.string().min(1).nullable(),
  /** The exchange's code in upper case (`RB`), `NYMEX.CL` abroad, the source's own name if unknown. */
  product: z.string().min(1),
  /** `RB2701`; left out where the report is on the whole product. */
  contract: z.string().min(1).optional(),
  reportDate,
  values: z.record(z.string(), reportValue),
});

export type MarketReport = z.infer<typeof marketReport>;

/** The same text for two reports of which the newer takes the older one's place. */
export function reportIdentity(
  { source, kind, product, contract, reportDate }: MarketReport,
): string {
  return JSON.stringify([source, kind, product, contract ?? null, reportDate]);
}

/** Daily candles of `<source>:<symbol>:1d`; a trading day opens at its date's midnight, UTC. */
export interface SourceSeries {
  readonly symbol: string;
  readonly interval: "1d";
  /** Ascending, each day once, trading days only. */
  readonly candles: readonly Candle[];
  /** Sent for days on which the exchange was closed: to be counted, never to be kept as candles. */
  readonly offCalendar: readonly Candle[];
}

export interface SourceRequest {
  /** The trading day asked for, `2026-09-08`. */
  readonly date: string;
  /**
   * Ends the work. Aborted with a `TimeoutError` the fetch fails as `timeout`, with any other
   * reason it rejects with that reason.
   */
  readonly signal: AbortSignal;
  /** When to ask for no further symbol, epoch ms: what is there by then is answered. */
  readonly until?: number | undefined;
  /** Contract → date of the newest daily report that is held: what is older need not be asked for. */
  readonly heldDailies?: ReadonlyMap<string, string> | undefined;
  /** Where a crawl of many requests shows how far it is. */
  readonly progress?: Progress | undefined;
}

/** A symbol, contract or house of which nothing is told, and why. */
export interface FailedPart {
  readonly name: string;
  readonly error: SourceError;
  /** A value's name: the site may never have had this part, which failed only if such values are held. */
  readonly unlessHeld?: string | undefined;
}

export interface SourceAnswer {
  /** No two of one identity. Empty where the source validly has nothing for the day. */
  readonly rows: readonly MarketReport[];
  readonly series: readonly SourceSeries[];
  /** Parts that failed while the others did not: those are sound, and these not forgotten. */
  readonly failures: readonly FailedPart[];
  /** What was received, secrets removed: one body as it came, or several as lines of JSON. */
  readonly raw: { readonly bytes: Uint8Array<ArrayBuffer>; readonly contentType: string };
  /** Received in all, bodies only. */
  readonly sizeBytes: number;
}

/** A site that is crawled for reports. Never retries; throws SourceErrors. */
export interface MarketSource {
  readonly name: SourceName;
  /** Settings without which it cannot be asked; it is `not_configured` unless this is empty. */
  readonly missing: readonly string[];
  readonly fetch: (request: SourceRequest) => Promise<SourceAnswer>;
}

/** A secret of the configuration: neither logs nor JSON show it. */
export interface Credential {
  reveal(): string;
}
