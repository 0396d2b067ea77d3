import { Refusal, type RefusalCode } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";

/** An error as it crosses from the worker. */
export type WireError =
  | {
    readonly kind: "refusal";
    readonly code: RefusalCode;
    readonly message: string;
    readonly field: string | undefined;
  }
  | { readonly kind: "aborted" }
  | {
    readonly kind: "engine";
    readonly message: string;
    readonly retryable: boolean;
    readonly hint: string | undefined;
  };

/** The engine's first word is the class of its error; what it says decides whether to try again. */
type ErrorClass = readonly [RegExp, { retryable: boolean; hint?: string }];

const OWN_TROUBLE: readonly ErrorClass[] = [
  [/No space left on device|disk full/i, {
    retryable: true,
    hint: "Free disk space, then run it again: nothing was recorded",
  }],
  [/^Out of Memory Error|failed to (allocate|offload)|max_temp_directory_size/i, {
    retryable: true,
    hint: "Let fewer jobs run at once, or give the lake more memory",
  }],
  [/^(FATAL|INTERNAL) Error/i, { retryable: true, hint: "The engine is started again" }],
];

const CLASSES: readonly ErrorClass[] = [
  ...OWN_TROUBLE,
  [/^IO Error/i, { retryable: true, hint: "Check the disk of the data directory" }],
];

export function wireError(error: unknown, signal: AbortSignal): WireError {
  if (signal.aborted) return { kind: "aborted" };
  if (error instanceof Refusal) {
    const { code, message, field } = error;
    return { kind: "refusal", code, message, field };
  }
  const message = error instanceof Error ? error.message : String(error);
  const [, found] = CLASSES.find(([pattern]) => pattern.test(message)) ?? [];
  return { kind: "engine", message, retryable: found?.retryable ?? false, hint: found?.hint };
}

/** Whether the engine itself is in need, whatever file it reads: of memory, of disk, or broken. */
export function isOwnTrouble(error: unknown): boolean {
  const message = error instanceof Error ? error.message : String(error);
  return OWN_TROUBLE.some(([pattern]) => pattern.test(message));
}

/** Whether a value, or what values make together, is beyond the type that the statement gives it. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof Error && /Conversion Error|Out of Range/i.test(error.message);
}

/** True when the engine can no longer be used and must be started again. */
export function isFatal(error: WireError): boolean {
  return error.kind === "engine" && /^(FATAL|INTERNAL) Error/i.test(error.message);
}

export function localError(error: WireError, op: string, signal?: AbortSignal): unknown {
  switch (error.kind) {
    case "aborted":
      return signal?.reason ?? new DOMException(`${op} was aborted`, "AbortError");
    case "refusal":
      return new Refusal(
        error.code,
        error.message,
        error.field === undefined ? {} : { field: error.field },
      );
    case "engine":
      return new AdapterError(`Cannot ${op} in the lake: ${error.message}`, {
        port: "lake",
        op,
        retryable: error.retryable,
        hint: error.hint,
      });
  }
}
