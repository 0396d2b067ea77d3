import type { AlertMessage } from "@/domain/ports/alert_channel.ts";
import type { AlertTarget } from "@/domain/ports/alert_target.ts";

/** How one kind of robot is spoken to. */
export interface Dialect {
  /** All of these hold at once: most messages within so many ms. */
  readonly windows: readonly Window[];
  readonly maxMarkdownBytes: number;
  /** How long a robot that was asked too often stays silent. */
  readonly blockedMs: number;
  draft(message: AlertMessage, context: { target: AlertTarget; at: number }): Draft;
  /** Undefined when the robot took the message. Statuses other than 2xx are told apart before. */
  complaint(answer: Answer): Complaint | undefined;
}

export interface Window {
  readonly most: number;
  readonly ms: number;
}

/** A message about to be posted, its markdown still to be cut. */
export interface Draft {
  readonly url: string;
  body(markdown: string): string;
  /** Whether the robot would take a body of this markdown. */
  fits(markdown: string): boolean;
  headers?(body: string): Readonly<Record<string, string>>;
}

export interface Answer {
  readonly text: string;
  /** The text as a JSON object; undefined when it is none. */
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface Complaint {
  readonly message: string;
  /** `busy`: try again; `too_many`: later; `unwanted`: not like this. */
  readonly kind: "busy" | "too_many" | "unwanted";
}

const encoder = new TextEncoder();

export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

const LONGEST_TITLE = 120;

/** Titles are ours: one this long is a mistake that must not cost the message. */
export function shortTitle({ title }: AlertMessage): string {
  return title.length <= LONGEST_TITLE ? title : `${title.slice(0, LONGEST_TITLE).toWellFormed()}…`;
}

const TOO_MANY = /too fast|too many|too frequent|freq|频/i;

/**
 * Robots answer HTTP 200 whatever happens and say in a code how it went. One without any of the codes
 * is none of theirs: a proxy or a login page has answered.
 */
export function complaintOf(
  { json }: Answer,
  { codes, messages, busy, tooMany }: {
    readonly codes: readonly string[];
    readonly messages: readonly string[];
    readonly busy: readonly number[];
    readonly tooMany: readonly number[];
  },
): Complaint | undefined {
  const values = codes.map((name) => json?.[name]).filter((code) => code !== undefined);
  if (values.length === 0) return { kind: "busy", message: "it answered something else" };
  const code = values.map(Number).find((value) => value !== 0);
  if (code === undefined) return undefined;
  const text = messages.map((name) => json?.[name]).find((one) => typeof one === "string") ?? "";
  const message = `it answered ${codes[0]} ${code}${text === "" ? "" : ` (${text})`}`;
  if (tooMany.includes(code) || TOO_MANY.test(String(text))) return { kind: "too_many", message };
  return { kind: busy.includes(code) ? "busy" : "unwanted", message };
}
