import type { Clock } from "@/domain/ports/clock.ts";
import type { Answer } from "./dialect.ts";

export interface PostRequest {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly client: Deno.HttpClient | undefined;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** No robot has taken the message. */
export class PostFailure extends Error {
  override readonly name = "PostFailure";
  readonly retryable: boolean;
  /** It was asked too often. */
  readonly tooMany: boolean;
  readonly retryAfterMs: number | undefined;
  constructor(message: string, { retryable, tooMany = false, retryAfterMs }: {
    retryable: boolean;
    tooMany?: boolean;
    retryAfterMs?: number | undefined;
  }) {
    super(message);
    this.retryable = retryable;
    this.tooMany = tooMany;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Robots answer a line; what is longer is somebody else's page. */
const MOST_ANSWER_BYTES = 65_536;
/** Longer is nobody's rate limit. */
const LONGEST_WAIT_MS = 3_600_000;

/**
 * Posts JSON and reads the answer, within the time by the given clock. Throws {@linkcode PostFailure}
 * for whatever is no 2xx, the signal's reason when aborted. What it throws holds no part of the URL.
 */
export async function post(request: PostRequest): Promise<Answer> {
  const { url, body, headers, client, signal, clock, timeoutMs } = request;
  const timeout = new AbortController();
  const done = new AbortController();
  clock.sleep(timeoutMs, done.signal).then(() => timeout.abort(), () => {});
  const signals = [timeout.signal, signal].filter((one) => one !== undefined);
  try {
    const response = await fetch(url, {
      ...{ method: "POST", body, redirect: "manual", signal: AbortSignal.any(signals) },
      headers: { "content-type": "application/json; charset=utf-8", ...headers },
      ...(client === undefined ? {} : { client }),
    });
    const text = await readText(response);
    refuseStatus(response, text, clock);
    return { text, json: objectIn(text) };
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof PostFailure) throw error;
    const message = timeout.signal.aborted
      ? `it did not answer within ${timeoutMs / 1_000} s`
      : `it cannot be reached${reasonOf(error)}`;
    throw new PostFailure(message, { retryable: true });
  } finally {
    done.abort();
  }
}

/** The platform's words without the URL that they repeat. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : "";
  const [, reason] = /^error sending request[^(]*(?:\([^)]*\))?:? *(.*)$/.exec(text) ?? [];
  return reason === undefined || reason === "" ? "" : `: ${reason}`;
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    text += decoder.decode(chunk, { stream: true });
    if (size > MOST_ANSWER_BYTES) break;
  }
  return text;
}

function refuseStatus({ ok, status, headers }: Response, text: string, clock: Clock): void {
  if (ok) return;
  const retryAfterMs = retryAfter(headers, clock);
  const reason = text.length <= 200 && !text.startsWith("<") && text.trim() !== ""
    ? ` (${text})`
    : "";
  const message = `it answered HTTP ${status}${reason}`;
  const tooMany = status === 429;
  const retryable = tooMany || status >= 500 || status === 408 || status === 425;
  throw new PostFailure(message, { retryable, tooMany, retryAfterMs });
}

/** Seconds or an HTTP date. */
function retryAfter(headers: Headers, clock: Clock): number | undefined {
  const text = headers.get("retry-after")?.trim() ?? "";
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - clock.now();
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_WAIT_MS, Math.max(0, ms));
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
