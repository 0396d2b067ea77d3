import { databases, type TestDatabase } from "./database.ts";
import type { OpenDatabase } from "./embedded.ts";

/** One test for each database, its steps one after the other; `run` gives each what it works on. */
export function databaseSteps<Step>(
  title: string,
  steps: Readonly<Record<string, Step>>,
  run: (opened: OpenDatabase, step: Step) => Promise<void>,
  { engines = ["pglite", "postgres"] }: { engines?: readonly TestDatabase["name"][] } = {},
): void {
  for (const { name, open } of databases().filter((found) => engines.includes(found.name))) {
    Deno.test(`${title} (${name})`, async (t) => {
      const opened = await open();
      try {
        for (const [stepTitle, step] of Object.entries(steps)) {
          await t.step(stepTitle, () => run(opened, step));
        }
      } finally {
        await opened.close();
      }
    });
  }
}
