import { databaseErrorIn } from "@/events/store/database.ts";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { LogFields } from "@/domain/ports/log.ts";

/** For a status: the message alone. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** For a log line: what the world did wrong in a sentence, a bug with its stack. */
export function failureFields(error: unknown): LogFields {
  const message = messageOf(error);
  if (error instanceof AdapterError) return { error: message, op: error.op, hint: error.hint };
  const expected = error instanceof Refusal || databaseErrorIn(error) !== undefined;
  return expected || !(error instanceof Error)
    ? { error: message }
    : { error: message, stack: error.stack };
}
