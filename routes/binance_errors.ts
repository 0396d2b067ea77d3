import { answer, type AppContext } from "./envelope.ts";
import { failureHeaders, type Outcome } from "./errors.ts";

/** A refusal in Binance's words: `code` is one of its own (https://developers.binance.com, error codes). */
export class BinanceError extends Error {
  override readonly name = "BinanceError";
  constructor(readonly code: number, message: string, readonly status = 400) {
    super(message);
  }
}

export function invalidSymbol(): BinanceError {
  return new BinanceError(-1121, "Invalid symbol.");
}

export function invalidParameter(name: string, reason = ""): BinanceError {
  const why = reason === "" ? "" : ` ${reason}`;
  return new BinanceError(-1130, `Data sent for parameter '${name}' is not valid.${why}`);
}

export function notSupported(): BinanceError {
  const message = "This operation is not supported: candles and tickers are served, nothing else.";
  return new BinanceError(-1020, message, 404);
}

/** Clients understand a code, or they take every failure for one of the network and ask again. */
export function failAsBinance(c: AppContext, error: Error, judge: () => Outcome): Response {
  if (error instanceof BinanceError) {
    const { code, message: msg, status } = error;
    return binanceJson(c, { code, msg }, { status });
  }
  const outcome = judge();
  const { status } = outcome;
  return binanceJson(c, translated(outcome), { status, headers: failureHeaders(outcome) });
}

function translated({ code, message }: Outcome): { code: number; msg: string } {
  switch (code) {
    case "NOT_FOUND":
      return { code: -1121, msg: "Invalid symbol." };
    case "UNAUTHENTICATED":
      return { code: -2014, msg: `API-key format invalid. ${message}` };
    case "FORBIDDEN":
      return { code: -2015, msg: "Invalid API-key, IP, or permissions for action." };
    case "RATE_LIMITED":
      return { code: -1003, msg: `Too many requests. ${message}` };
    case "UNAVAILABLE":
      return { code: -1001, msg: `Internal error; unable to process your request. ${message}` };
    case "VALIDATION_ERROR":
      return { code: -1100, msg: message };
    default:
      return { code: -1000, msg: message };
  }
}

/** An answer with what Binance's clients count their requests by. */
export function binanceJson(
  c: AppContext,
  value: unknown,
  { status = 200, headers = {} }: {
    readonly status?: number;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  return answer(c, JSON.stringify(value), {
    status,
    headers: {
      "content-type": "application/json;charset=UTF-8",
      "x-mbx-used-weight-1m": String(c.get("rateUsed")?.() ?? 0),
      "x-mbx-used-weight": String(c.get("rateUsed")?.() ?? 0),
      ...headers,
    },
  });
}
