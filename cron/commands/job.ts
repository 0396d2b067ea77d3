import { type CommandSpec, refuse } from "./arguments.ts";
import type { Command } from "./command.ts";
import { describeCounts } from "./sentences.ts";

const spec: CommandSpec = {
  name: "job",
  summary: "run a crawler or another scheduled job once, now",
  positionals: [{ name: "name", required: false }],
  options: {},
};

/** The command `job`: what the schedule does, by hand. */
export const job: Command = {
  spec,
  async run(args, context) {
    const name = args.find("name");
    const installation = await context.open();
    const known = await installation.jobs();
    if (name === undefined || !known.includes(name)) {
      const told = name === undefined ? "name one" : `"${name}" is no job`;
      throw refuse(spec, `${told} of ${known.join(", ")}`);
    }
    const counts = await installation.runJob(name, context);
    return { lines: [`Ran ${name}: ${describeCounts(counts)}.`], facts: { job: name, ...counts } };
  },
};
