import type { Installation } from "@/domain/ports/installation.ts";
import { type CommandSpec, refuse } from "./arguments.ts";
import type { Command, CommandContext } from "./command.ts";
import { count } from "./sentences.ts";

const spec: CommandSpec = {
  name: "rebuild",
  summary: "make read models anew from the log; they stay readable meanwhile",
  positionals: [{ name: "name", required: false }],
  options: { all: { help: "every read model, one after the other" } },
};

/** The command `rebuild`. */
export const rebuild: Command = {
  spec,
  async run(args, context) {
    const name = args.find("name");
    if (name !== undefined && args.given("all")) throw refuse(spec, "give a name or --all");
    const installation = await context.open();
    const known = await installation.projections();
    const wanted = args.given("all") ? known : name === undefined ? [] : [name];
    const stranger = wanted.find((one) => !known.includes(one));
    if (wanted.length === 0 || stranger !== undefined) {
      const told = stranger === undefined ? "name one" : `"${stranger}" is no read model`;
      throw refuse(spec, `${told} (${known.join(", ")}) or say --all`);
    }
    const rebuilt = await rebuildEach(wanted, installation, context);
    return {
      lines: [`Rebuilt ${count(wanted.length, "read model")}: ${wanted.join(", ")}.`],
      facts: { rebuilt },
    };
  },
};

/** One after the other: each may fill the memory it is given. */
async function rebuildEach(
  names: readonly string[],
  installation: Installation,
  context: CommandContext,
): Promise<Record<string, unknown>> {
  const rebuilt: Record<string, unknown> = {};
  for (const name of names) rebuilt[name] = await installation.rebuild(name, context);
  return rebuilt;
}
