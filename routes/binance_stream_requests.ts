import { BinanceError } from "./binance_errors.ts";

/** What a client may call its request by. */
export type RequestId = number | string | null;

export type StreamRequest =
  & { readonly id: RequestId }
  & (
    | { readonly method: "SUBSCRIBE" | "UNSUBSCRIBE"; readonly streams: readonly string[] }
    | { readonly method: "LIST_SUBSCRIPTIONS" | "GET_PROPERTY" }
    | { readonly method: "SET_PROPERTY"; readonly combined: boolean }
  );

const METHODS = [
  ...["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"] as const,
];

/** A request that cannot be carried out; `id` where it could be read. */
export class BadRequest extends BinanceError {
  constructor(code: number, message: string, readonly id?: RequestId) {
    super(code, message);
  }
}

/** Reads one message of a client. Throws a {@linkcode BadRequest} in the words of Binance. */
export function parseStreamRequest(text: string): StreamRequest {
  const { id: given = null, method, params = [] } = parsed(text);
  const id = checkedId(given);
  const known = METHODS.find((one) => one === method);
  if (method === undefined) throw invalid("missing field `method`", id);
  if (known === undefined) {
    const all = METHODS.map((one) => `\`${one}\``).join(", ");
    throw invalid(`unknown variant \`${String(method).slice(0, 40)}\`, expected one of ${all}`, id);
  }
  if (!Array.isArray(params)) throw invalid("invalid type: expected a sequence", id);
  switch (known) {
    case "SUBSCRIBE":
    case "UNSUBSCRIBE":
      return { id, method: known, streams: streamNames(params, id) };
    case "LIST_SUBSCRIPTIONS":
      return { id, method: known };
    case "GET_PROPERTY":
      checkProperty(params, id);
      return { id, method: known };
    case "SET_PROPERTY":
      checkProperty(params, id);
      if (typeof params[1] === "boolean") return { id, method: known, combined: params[1] };
      throw new BadRequest(1, "Invalid value type: expected Boolean", id);
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadRequest(3, "Invalid JSON: expected value at line 1 column 1");
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw invalid("expected an object");
}

function checkedId(id: unknown): RequestId {
  if (id === null || (typeof id === "number" && Number.isSafeInteger(id) && id >= 0)) return id;
  if (typeof id === "string" && id.length <= 36) return id;
  throw invalid("request ID must be an unsigned integer");
}

function streamNames(params: readonly unknown[], id: RequestId): readonly string[] {
  const names = params.filter((name) => typeof name === "string");
  if (names.length < params.length) throw invalid("stream name must be a string", id);
  if (names.length === 0) throw invalid("missing streams", id);
  return names;
}

function checkProperty([name]: readonly unknown[], id: RequestId): void {
  if (typeof name !== "string") throw invalid("property name must be a string", id);
  if (name !== "combined") throw new BadRequest(0, "Unknown property", id);
}

function invalid(reason: string, id?: RequestId): BadRequest {
  return new BadRequest(2, `Invalid request: ${reason}`, id);
}
