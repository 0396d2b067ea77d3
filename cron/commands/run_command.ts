import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { parseArguments, usage } from "./arguments.ts";
import type { Command, CommandContext } from "./command.ts";
import { toWire } from "./sentences.ts";

/** As shells know them; 70 is sysexits' EX_SOFTWARE. */
export const EXIT = { ok: 0, failed: 1, usage: 2, bug: 70, interrupted: 130 } as const;

export interface CommandOutput {
  /** Results: standard output. */
  out(line: string): void;
  /** Failures: standard error. */
  error(line: string): void;
}

/** Runs one command to its exit code: results or one clear sentence, a stack only for our own bugs. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  { context, output }: { readonly context: CommandContext; readonly output: CommandOutput },
): Promise<number> {
  try {
    const parsed = parseArguments(command.spec, args);
    if (parsed.given("help")) {
      output.out(usage(command.spec));
      return EXIT.ok;
    }
    const { lines, facts } = await command.run(parsed, context);
    if (parsed.given("json")) {
      output.out(JSON.stringify(toWire({ command: command.spec.name, ...facts })));
    } else for (const line of lines) output.out(line);
    return EXIT.ok;
  } catch (error) {
    const { message, code } = explain(error, context.signal);
    output.error(message);
    return code;
  }
}

/** One sentence for a person, and the exit code. */
export function explain(
  error: unknown,
  signal?: AbortSignal,
): { readonly message: string; readonly code: number } {
  if (signal?.aborted === true) {
    return { message: "Stopped; run it again to go on.", code: EXIT.interrupted };
  }
  if (error instanceof Refusal) {
    const nearby = error.details.map(({ message }) => message).join("; ");
    const message = nearby === "" ? error.message : `${sentence(error.message)} ${nearby}`;
    const wrongUse = error.code === "validation_error";
    return { message: sentence(message), code: wrongUse ? EXIT.usage : EXIT.failed };
  }
  if (error instanceof AdapterError) {
    const message = [sentence(error.message), error.hint].filter((text) => text !== undefined);
    return { message: message.join(" "), code: EXIT.failed };
  }
  if (error instanceof DatabaseError) {
    return { message: `The database refused: ${sentence(error.message)}`, code: EXIT.failed };
  }
  if (!(error instanceof Error)) return { message: `Internal error: ${error}`, code: EXIT.bug };
  if (error.name === "ConfigError") {
    const problems = error.message.split("\n").map((line) => `  ${line}`);
    return { message: ["Cannot read the settings:", ...problems].join("\n"), code: EXIT.usage };
  }
  if (FILE_ERRORS.includes(error.name)) {
    return { message: `Cannot use the disk: ${sentence(error.message)}`, code: EXIT.failed };
  }
  // Errors with a name of their own are thrown on purpose and speak for themselves.
  if (!BUILT_IN.test(error.name) && error.message.startsWith("Cannot ")) {
    return { message: sentence(error.message), code: EXIT.failed };
  }
  return { message: `Internal error: ${error.stack ?? error.message}`, code: EXIT.bug };
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
