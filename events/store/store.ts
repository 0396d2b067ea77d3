import type { EventMeta, Recorded, StoredEvent } from "../define.ts";

/** Version a stream must have for an append: a number, `"none"` (must not exist) or `"any"`. */
export type Expected = number | "none" | "any";

export interface StreamWrite<E extends StoredEvent = StoredEvent> {
  readonly stream: string;
  readonly expected: Expected;
  readonly events: readonly E[];
}

export interface Appended {
  /** Position of the command's last event. */
  readonly position: number;
  /** The stored events, oldest first. */
  readonly events: readonly Recorded[];
  /** The command was already in the log; nothing was written. */
  readonly duplicate: boolean;
}

export interface ReadAllOptions {
  /** Exclusive. */
  readonly after: number;
  readonly limit: number;
  readonly types?: readonly string[] | undefined;
  readonly stream?: string | undefined;
  /** Stops a page early once its data exceed this many bytes; at least one event is returned. */
  readonly maxBytes?: number | undefined;
}

export interface StreamSlice<E> {
  readonly events: Recorded<E>[];
  /** Version of the stream's last event; 0 when the stream does not exist. */
  readonly version: number;
}

/**
 * Append-only log of streams. The memory store and the SQL store (on PGlite and PostgreSQL) pass
 * one contract suite. Appends of one process are grouped; each caller gets its own outcome.
 */
export interface EventStore {
  /**
   * Writes one or several distinct streams, all or none. A command id that is already in the log
   * answers with its recorded events. A write without events only checks its stream's version.
   * Throws {@linkcode VersionConflict} when a stream has moved, {@linkcode InvalidEvent} when an
   * event does not fit its schema or cannot be stored.
   */
  append(writes: readonly StreamWrite[], meta: EventMeta): Promise<Appended>;
  readStream<E extends StoredEvent = StoredEvent>(
    stream: string,
    options?: { readonly fromVersion?: number; readonly limit?: number },
  ): Promise<StreamSlice<E>>;
  /** In position order, never skipping an event that commits late. */
  readAll(options: ReadAllOptions): Promise<Recorded[]>;
  /** The events a command recorded; `[]` when it is unknown. */
  findCommand(commandId: string): Promise<readonly Recorded[]>;
  /** Position of the newest event; 0 in an empty log. */
  head(): Promise<number>;
  /**
   * Calls back after each append of this process with the events, in position order, and with no
   * events when another process has appended or may have. Returns how to stop.
   */
  subscribe(listener: (events: readonly Recorded[]) => void): () => void;
  /** Waits for the appends under way and refuses new ones. */
  close(): Promise<void>;
}

/** A log that can forget: what both stores are. */
export interface ErasableEventStore extends EventStore {
  /**
   * Erases the key of the subject's personal fields: they read as null from now on, in this process
   * at once, in others within a minute at the latest, and what is appended later is not kept.
   */
  eraseSubject(subject: string): Promise<void>;
  /** 32 random bytes, made at first use and never changed. */
  secret(name: string): Promise<Uint8Array<ArrayBuffer>>;
}

export class VersionConflict extends Error {
  override readonly name = "VersionConflict";
  constructor(readonly stream: string, readonly expected: Expected, readonly actual: number) {
    super(`Cannot append to "${stream}" at version ${expected}: current version is ${actual}`);
  }
}

/** The event does not fit its schema, or holds text that PostgreSQL cannot store (U+0000). */
export class InvalidEvent extends Error {
  override readonly name = "InvalidEvent";
  constructor(readonly type: string, reason: string, options?: ErrorOptions) {
    super(`Cannot store event ${type}: ${reason}`, options);
  }
}
