/** Pure rules of one aggregate: no clock, no random numbers, no I/O. */
export interface Decider<Command, Event, State> {
  readonly initial: State;
  /** Returns what happened: `[]` when the command changes nothing. Throws {@linkcode Refusal}. */
  decide(command: Command, state: State): readonly Event[];
  /** Never throws. */
  evolve(state: State, event: Event): State;
}

/** Every reason a caller can be refused. `routes/errors.ts` gives each its HTTP status. */
export type RefusalCode =
  | "malformed_json"
  | "validation_error"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "name_taken"
  | "stale_version"
  | "payload_too_large"
  | "unsupported_media_type"
  | "rate_limited"
  | "unavailable"
  | "storage_full";

export interface RefusalDetail {
  readonly field: string;
  readonly message: string;
}

/** What the caller did is not allowed: expected, safe to show. Any other error is a bug. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly field: string | undefined;
  readonly details: readonly RefusalDetail[];
  constructor(
    readonly code: RefusalCode,
    message: string,
    { field, details = [] }: { field?: string; details?: readonly RefusalDetail[] } = {},
  ) {
    super(message);
    this.field = field;
    this.details = details;
  }
}
