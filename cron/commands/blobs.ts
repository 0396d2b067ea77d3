import { type CommandSpec, refuse } from "./arguments.ts";
import type { Command } from "./command.ts";
import { count, formatBytes } from "./sentences.ts";

const spec: CommandSpec = {
  name: "blobs",
  summary: "find blobs that no event names (older than a day); nothing is deleted",
  positionals: [],
  options: { orphans: { help: "list them" } },
};

/** The command `blobs`: it only looks; deleting is left to a person. */
export const blobs: Command = {
  spec,
  async run(args, context) {
    if (!args.given("orphans")) throw refuse(spec, "say --orphans");
    const installation = await context.open();
    const orphans = await installation.orphans(context);
    const sizeBytes = orphans.reduce((sum, orphan) => sum + orphan.sizeBytes, 0);
    const found = `${count(orphans.length, "orphan")}, ${formatBytes(sizeBytes)}.`;
    return {
      lines: [
        ...orphans.map(({ sha256, sizeBytes, putAt }) =>
          `${sha256}  ${formatBytes(sizeBytes).padStart(9)}  ${putAt.toISOString()}`
        ),
        `Found ${found}`,
      ],
      facts: { count: orphans.length, sizeBytes, orphans },
    };
  },
};
