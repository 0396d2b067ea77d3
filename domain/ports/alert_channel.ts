import type { RaisedAlert } from "@/events/catalog/alert.ts";

/** What is told to people at once. */
export interface AlertMessage {
  readonly title: string;
  /** Markdown: lists, links, bold. Without the title. */
  readonly markdown: string;
  /** What it is about, for machines; a report or a test has none. */
  readonly alerts: readonly RaisedAlert[];
}

/** A place where people read: a chat robot, a webhook. */
export interface AlertChannel {
  /** Stays the same from start to start and holds no secret, e.g. `dingtalk-1f8a3c02`. */
  readonly name: string;
  /** Bytes of markdown (UTF-8) that arrive uncut; longer texts are cut at the end of a line. */
  readonly maxMarkdownBytes: number;
  /**
   * Waits for its turn: every robot allows few messages a minute. Resolves when the other side has
   * said that it took the message. Throws AdapterError, not `retryable` when it did not want it.
   */
  send(message: AlertMessage, options?: SendOptions): Promise<void>;
  close(): void;
}

export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long ago others, too, have sent it something: they count against the same limit. Oldest first. */
  readonly sentAgoMs?: readonly number[] | undefined;
}
