import { parseArguments, usage } from "./arguments.ts";
import type { Command, CommandContext } from "./command.ts";
import { CommandFailure, EXIT, explain, failureLine } from "./explain.ts";
import { toWire } from "./sentences.ts";

export interface CommandOutput {
  /** Results: standard output. */
  out(line: string): void;
  /** Failures: standard error. */
  error(line: string): void;
}

/**
 * Runs one command to its exit code: results or one clear sentence, a stack only for our own bugs.
 * With `--json` standard output gets one line, also of a failure.
 */
export async function runCommand(
  command: Command,
  args: readonly string[],
  { context, output }: { readonly context: CommandContext; readonly output: CommandOutput },
): Promise<number> {
  const { name } = command.spec;
  try {
    const parsed = parseArguments(command.spec, args);
    if (parsed.given("help")) {
      output.out(usage(command.spec));
      return EXIT.ok;
    }
    const { lines, facts } = await command.run(parsed, context);
    if (parsed.given("json")) {
      output.out(JSON.stringify(toWire({ command: name, ...facts })));
    } else for (const line of lines) output.out(line);
    return EXIT.ok;
  } catch (error) {
    const explained = explain(error, context.signal);
    const facts = error instanceof CommandFailure ? error.facts : {};
    output.error(explained.message);
    // What was typed may be what is wrong, so that it is not parsed again.
    if (args.includes("--json")) output.out(failureLine(name, explained, facts));
    return explained.exit;
  }
}
