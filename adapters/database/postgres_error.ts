import { DatabaseError } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";

/** What pg's errors carry. */
export interface ServerError {
  readonly message?: string;
  readonly code?: string;
  readonly constraint?: string;
  readonly routine?: string;
}

/** SQLSTATEs have five characters; Node's own codes (ECONNRESET, …) mean that the connection failed. */
export function failure(error: unknown): DatabaseError {
  if (error instanceof DatabaseError) return error;
  const { message, code, constraint } = trusted<ServerError>(error);
  const sqlstate = code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
  return new DatabaseError(message ?? "the database did not answer", {
    sqlstate,
    constraint,
    cause: error,
  });
}
