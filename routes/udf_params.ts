import { Refusal } from "@/domain/decider.ts";
import { MAX_KLINES } from "./klines_query.ts";

/** What `history` was asked for; times in ms. */
export interface HistoryParams {
  readonly symbol: string;
  readonly resolution: string;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  /** Bars before `to`, however far back. */
  readonly countback: number | undefined;
  /** Most bars of an answer. */
  readonly limit: number;
}

/** Charts ask for times before the epoch to say "from the beginning". */
const LATEST_S = 253_402_300_799;

/** Refusal `validation_error` names the parameter. */
export function historyParams(query: URLSearchParams): HistoryParams {
  const to = numberParam(query, "to");
  const from = numberParam(query, "from");
  const countback = numberParam(query, "countback");
  if (to === undefined) throw invalid("to", "expected a time in seconds");
  if (from === undefined && countback === undefined) {
    throw invalid("from", "expected a time in seconds, or a countback");
  }
  if (countback !== undefined && countback < 1) throw invalid("countback", "expected 1 or more");
  return {
    ...{ symbol: textParam(query, "symbol"), resolution: textParam(query, "resolution") },
    ...{ from: ms(from ?? 0), to: ms(to), countback },
    limit: Math.min(countback ?? MAX_KLINES, MAX_KLINES),
  };
}

export function textParam(query: URLSearchParams, name: string): string {
  const text = query.get(name)?.trim() ?? "";
  if (text === "") throw invalid(name, "required");
  return text;
}

/** A whole number, negative ones too; undefined where none is given. */
export function numberParam(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)?.trim() ?? "";
  if (text === "") return undefined;
  if (/^-?\d{1,15}(\.0*)?$/.test(text)) return Number(text);
  throw invalid(name, "expected a whole number");
}

function ms(seconds: number): number {
  return Math.max(0, Math.min(seconds, LATEST_S)) * 1_000;
}

function invalid(field: string, reason: string): Refusal {
  return new Refusal("validation_error", `Cannot accept the query: ${field}: ${reason}`, { field });
}
