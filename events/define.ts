import type { z } from "zod";

/** Event types of one noun, each mapped to the schema of its current version. */
export type Catalog = Readonly<Record<string, z.ZodObject>>;

/** Every event a catalog can hold, as one union discriminated by `type`. */
export type EventOf<C extends Catalog> = {
  [T in keyof C & string]: { readonly type: T; readonly data: z.infer<C[T]> };
}[keyof C & string];

/** Who did it, in whose name and because of what. Ids only, never personal data. */
export interface EventMeta {
  /** `user:<id>`, `key:<id>`, `admin`, `job:<name>` or `command:<name>`. */
  readonly actor: string;
  readonly commandId: string;
  readonly correlationId?: string | undefined;
  readonly causationId?: string | undefined;
  /** Keyed hash of the request body: the same idempotency key with another body is refused. */
  readonly fingerprint?: string | undefined;
}

/** An event as the store returns it: upcast to the current schema and placed in the log. */
export type Recorded<E = StoredEvent> = E & {
  /** Dense and ordered like the commits: a checkpoint is one number. Safe up to 2^53. */
  readonly position: number;
  readonly stream: string;
  /** 1 for the first event of a stream. */
  readonly version: number;
  readonly id: string;
  readonly schema: number;
  readonly meta: EventMeta;
  readonly at: Date;
};

/** An event of unknown type: what readers of the whole log get. */
export interface StoredEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}
