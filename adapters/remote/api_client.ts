import { z } from "zod";
import { Refusal, type RefusalCode } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Clock } from "@/domain/ports/clock.ts";

export interface ApiClientOptions {
  /** Origin of the running installation, e.g. `http://127.0.0.1:8000`. */
  readonly address: string;
  readonly token: string;
  readonly clock: Clock;
}

export interface ApiRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: { readonly bytes: Uint8Array<ArrayBuffer>; readonly headers: HeadersInit };
  readonly signal?: AbortSignal | undefined;
}

/** Asks the API of an installation; answers that are not a success are thrown. */
export interface ApiClient {
  /** `data` of the envelope. */
  data<T>(request: ApiRequest, schema: z.ZodType<T>): Promise<T>;
  /** The whole answer, for bodies that are not JSON. */
  send(request: ApiRequest): Promise<Response>;
}

/** A busy installation is asked again for about 15 s, a rate limit as long as it wishes. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 60_000;

/** True of every command: what was done is kept, and found by the next run. */
export const GO_ON = "Run the command again to go on where it stopped";

const failureSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.array(z.object({ field: z.string().default("body"), message: z.string() }))
      .optional(),
  }),
});

/** The API's codes that blame the caller. */
const CODES = {
  MALFORMED_JSON: "malformed_json",
  VALIDATION_ERROR: "validation_error",
  UNAUTHENTICATED: "unauthenticated",
  FORBIDDEN: "forbidden",
  NOT_FOUND: "not_found",
  CONFLICT: "conflict",
  NAME_TAKEN: "name_taken",
  STALE_VERSION: "stale_version",
  PAYLOAD_TOO_LARGE: "payload_too_large",
  UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
  STORAGE_FULL: "storage_full",
} as const satisfies Record<string, RefusalCode>;

/** Waits and asks again where the other side is busy; writes carry a key, so none acts twice. */
export function createApiClient({ address, token, clock }: ApiClientOptions): ApiClient {
  async function once({ method, path, body, signal }: ApiRequest, key: string): Promise<Response> {
    const headers = new Headers(body?.headers);
    headers.set("authorization", `Bearer ${token}`);
    // Both sides are on one machine: packing would only take time.
    headers.set("accept-encoding", "identity");
    if (method !== "GET") headers.set("idempotency-key", key);
    try {
      const init = { method, headers, body: body?.bytes ?? null, signal: signal ?? null };
      return await fetch(new URL(path, address), init);
    } catch (cause) {
      signal?.throwIfAborted();
      throw new AdapterError(`Cannot reach the running installation at ${address}`, {
        port: "remote",
        op: `${method} ${path}`,
        retryable: true,
        hint: GO_ON,
        cause,
      });
    }
  }

  async function send(request: ApiRequest): Promise<Response> {
    const key = crypto.randomUUID();
    for (let attempt = 1;; attempt++) {
      const failure = await once(request, key).then(
        async (response) => response.ok ? response : await failureOf(request, response),
        (error) => error instanceof AdapterError ? error : Promise.reject(error),
      );
      if (failure instanceof Response) return failure;
      if (!(failure instanceof AdapterError && failure.retryable) || attempt >= ATTEMPTS) {
        throw failure;
      }
      const pauseMs = failure.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1);
      await clock.sleep(Math.min(pauseMs, LONGEST_PAUSE_MS), request.signal);
    }
  }

  return {
    send,
    async data(request, schema) {
      const response = await send(request);
      const answer = z.object({ data: schema }).safeParse(await response.json());
      if (answer.success) return answer.data.data;
      throw new AdapterError(`Cannot understand the answer of ${address} to ${request.path}`, {
        port: "remote",
        op: `${request.method} ${request.path}`,
        retryable: false,
        hint: "Use the same version for commands as for the running installation.",
        cause: answer.error,
      });
    },
  };
}

/** What the answer means: the caller's fault, or the other side's. */
async function failureOf(request: ApiRequest, response: Response): Promise<Error> {
  const { method, path } = request;
  const parsed = failureSchema.safeParse(await response.json().catch(() => undefined));
  const { code, message, details = [] } = parsed.data?.error ??
    { code: "", message: `it answered ${response.status} to ${method} ${path}` };
  const known = Object.entries(CODES).find(([wire]) => wire === code)?.[1];
  if (known !== undefined) return new Refusal(known, message, { details });
  const retryAfter = Number(response.headers.get("retry-after") ?? "");
  const retryable = response.status === 429 || response.status === 503;
  return new AdapterError(`The running installation failed: ${message}`, {
    port: "remote",
    op: `${method} ${path}`,
    retryable,
    hint: retryable ? GO_ON : undefined,
    retryAfterMs: retryAfter > 0 ? retryAfter * 1000 : undefined,
  });
}
