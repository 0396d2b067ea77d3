import { Refusal, type RefusalCode } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { toWire } from "./sentences.ts";

/** As shells know them; 70 is sysexits' EX_SOFTWARE. */
export const EXIT = { ok: 0, failed: 1, usage: 2, bug: 70, interrupted: 130 } as const;

/** What a failure means to whoever started the command. */
export interface Explained {
  /** For people. */
  readonly message: string;
  readonly exit: number;
  /** For programs: the API's codes, and `INTERRUPTED`. */
  readonly code: string;
}

/** A command that has not done what it was started for, explained by itself, with what it did do. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  constructor(
    readonly explained: Explained,
    readonly facts: Readonly<Record<string, unknown>> = {},
  ) {
    super(explained.message);
  }
}

/** Faults of what was typed or named: another try with the same words ends in the same way. */
const WRONG_USE: readonly RefusalCode[] = ["validation_error", "malformed_json"];

/** One sentence for a person, the exit code and the code for programs. */
export function explain(error: unknown, signal?: AbortSignal): Explained {
  if (signal?.aborted === true) {
    const message = "Stopped; run it again to go on.";
    return { message, exit: EXIT.interrupted, code: "INTERRUPTED" };
  }
  if (error instanceof CommandFailure) return error.explained;
  if (error instanceof Refusal) {
    const nearby = error.details.map(({ message }) => message).join("; ");
    const message = nearby === "" ? error.message : `${sentence(error.message)} ${nearby}`;
    const exit = WRONG_USE.includes(error.code) ? EXIT.usage : EXIT.failed;
    return { message: sentence(message), exit, code: error.code.toUpperCase() };
  }
  if (error instanceof AdapterError) {
    const message = [error.message, error.hint].filter((text) => text !== undefined).map(sentence);
    return { message: message.join(" "), exit: EXIT.failed, code: "UNAVAILABLE" };
  }
  if (error instanceof DatabaseError) {
    return failed(`The database refused: ${error.message}`, "UNAVAILABLE");
  }
  if (!(error instanceof Error)) return bug(String(error));
  if (error.name === "ConfigError") {
    const problems = error.message.split("\n").map((line) => `  ${line}`);
    const message = ["Cannot read the settings:", ...problems].join("\n");
    return { message, exit: EXIT.usage, code: "VALIDATION_ERROR" };
  }
  if (FILE_ERRORS.includes(error.name)) {
    return failed(`Cannot use the disk: ${error.message}`, "UNAVAILABLE");
  }
  // Errors with a name of their own are thrown on purpose and speak for themselves.
  if (!BUILT_IN.test(error.name) && error.message.startsWith("Cannot ")) {
    return failed(error.message, "UNAVAILABLE");
  }
  return bug(error.stack ?? error.message);
}

/** The line of JSON of a command that failed. */
export function failureLine(
  command: string,
  { message, code }: Pick<Explained, "message" | "code">,
  facts: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify(toWire({ command, ...facts, error: { code, message } }));
}

function failed(text: string, code: string): Explained {
  return { message: sentence(text), exit: EXIT.failed, code };
}

function bug(text: string): Explained {
  return { message: `Internal error: ${text}`, exit: EXIT.bug, code: "INTERNAL" };
}

const BUILT_IN = /^(|Aggregate|Eval|Range|Reference|Syntax|Type|URI)Error$/;

/** What the file system answers, by the names of Deno's errors. */
const FILE_ERRORS: readonly string[] = [
  "NotCapable",
  "PermissionDenied",
  "NotADirectory",
  "NotFound",
  "IsADirectory",
  "FilesystemLoop",
];

function sentence(text: string): string {
  const line = text.replaceAll(/\s*\n\s*/g, "; ").trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
