import type { z } from "zod";
import type { SourceName } from "@/domain/ports/source_names.ts";
import {
  KEPT_RESPONSE_BYTES,
  SourceError,
  type SourceErrorClass,
  type SourceFailure,
} from "@/domain/ports/source_error.ts";
import { isCutOff, parseExactJson } from "./exact_json.ts";
import { namedDifferences } from "./named_differences.ts";
import { storable } from "./storable_text.ts";
import { withoutSecrets } from "./without_secrets.ts";

export interface ReplyOptions {
  readonly source: SourceName;
  /** `GET /api/ctamap-all`. */
  readonly op: string;
  readonly status: number;
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly truncated?: boolean;
  /** Every secret that may stand in it. */
  readonly secrets: readonly string[];
  /** What the operator can do when it wants a login. */
  readonly loginHint?: string | undefined;
}

type Details = Partial<Pick<SourceFailure, "hint" | "retryAfterMs" | "differences" | "cause">>;

/** One answer of a source, and the words for what is wrong with it. */
export interface SourceReply {
  readonly text: string;
  /** The text without secrets. */
  readonly cleanText: string;
  /** The same as it came, byte by byte where it holds no secret, else in UTF-8. */
  readonly cleanBytes: Uint8Array<ArrayBuffer>;
  readonly op: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  /** Such a text without secrets. To be asked before it is cut: half of a secret is found by nobody. */
  clean(text: string): string;
  /** An error that carries the answer. `problem` goes on after "Cannot crawl <source>: ". */
  fail(errorClass: SourceErrorClass, problem: string, details?: Details): SourceError;
  /** The error for a failure that the source reports inside an answer: its code and what it says. */
  refusal(code: string, said: string): SourceError;
  /** The JSON it holds; `network` for one that ends in the middle, `schema_changed` for none. */
  json(): unknown;
  /** `value`, by default the whole JSON, read by a schema; throws `schema_changed` with the difference. */
  as<T>(schema: z.ZodType<T>, value?: unknown): T;
}

const NEEDS_LOGIN = /^40[13]\b|login|token|unauthori[sz]ed|登录|登陆|授权|认证|权限|充值/i;
const TOO_OFTEN = /^429\b|too many|频繁|过快|限流/i;
const LONGEST_SAID = 100;
const PASSWORD_FIELD = /<input\b[^>]*\btype\s*=\s*["']?password\b/i;
const LOGIN_PAGE = /login|log in|sign ?in|passport|登录|登陆/i;

export function sourceReply(options: ReplyOptions): SourceReply {
  const { source, op, status, contentType, bytes, secrets } = options;
  const text = decoded(bytes, contentType);
  let cleaned: string | undefined;
  let parsed: unknown;
  const clean = (said: string) => withoutSecrets(said, secrets);
  const cleanText = () => cleaned ??= clean(text);
  const cleanBytes = () => cleanText() === text ? bytes : new TextEncoder().encode(cleanText());

  const reply: SourceReply = {
    text,
    get cleanText() {
      return cleanText();
    },
    get cleanBytes() {
      return cleanBytes();
    },
    ...{ op, contentType, sizeBytes: bytes.length, clean },
    fail(errorClass, problem, details) {
      const kept = cleanBytes();
      const truncated = options.truncated === true || kept.length > KEPT_RESPONSE_BYTES;
      const said = storable(clean(problem));
      return new SourceError(`Cannot crawl ${source}: ${said}`, {
        ...{ source, errorClass, op, httpStatus: status },
        hint: errorClass === "login_required" ? options.loginHint : undefined,
        ...details,
        response: {
          ...{ status, contentType, truncated },
          bytes: kept.slice(0, KEPT_RESPONSE_BYTES),
        },
      });
    },
    refusal(code, said) {
      const about = `${code} ${said}`;
      const told = `${op} answers code ${code}${said === "" ? "" : ` (${shorten(clean(said))})`}`;
      if (NEEDS_LOGIN.test(about)) return reply.fail("login_required", told);
      if (TOO_OFTEN.test(about)) return reply.fail("rate_limited", told);
      return reply.fail("server", told);
    },
    json() {
      if (parsed !== undefined) return parsed;
      try {
        return parsed = parseExactJson(text);
      } catch (cause) {
        throw notJson(reply, cause);
      }
    },
    as(schema, value = reply.json()) {
      const result = schema.safeParse(value, { reportInput: true });
      if (result.success) return result.data;
      const differences = namedDifferences(result.error, clean).map(clean);
      const [first = "its answer differs", ...more] = differences;
      const others = more.length === 0
        ? ""
        : ` (and ${more.length} more: ${more.slice(0, 4).join("; ")})`;
      throw reply.fail("schema_changed", `${op} answers something new: ${first}${others}`, {
        differences,
      });
    },
  };
  return reply;
}

/** In the encoding that the answer names: some sites still write GBK. */
function decoded(bytes: Uint8Array<ArrayBuffer>, contentType: string): string {
  const label = /charset\s*=\s*["']?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}

function notJson(reply: SourceReply, cause: unknown): SourceError {
  const { text, op } = reply;
  if (text.trim() === "") return reply.fail("network", `${op} answers nothing`, { cause });
  if (isCutOff(text)) return reply.fail("network", `${op} ends in the middle`, { cause });
  const isPage = text.trimStart().startsWith("<");
  if (isPage && (LOGIN_PAGE.test(text) || asksPassword(text))) {
    return reply.fail("login_required", `${op} answers a page to log in at`, { cause });
  }
  const difference = `expected JSON, received ${isPage ? "a page for people" : "other text"}`;
  return reply.fail("schema_changed", `${op}: ${difference}`, { cause, differences: [difference] });
}

/** A page with a field for it, in whatever language. */
export function asksPassword(page: string): boolean {
  return PASSWORD_FIELD.test(page);
}

function shorten(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length <= LONGEST_SAID ? line : `${line.slice(0, LONGEST_SAID)}…`;
}
