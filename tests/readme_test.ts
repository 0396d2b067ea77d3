import { deepEqual, equal } from "node:assert/strict";
import { COMMANDS } from "@/cron/commands/commands.ts";
import { parseArguments } from "@/cron/commands/arguments.ts";
import manifest from "@/deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url).pathname;
const PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ARCHITECTURE.md"];

async function page(name: string): Promise<string> {
  return await Deno.readTextFile(`${ROOT}${name}`);
}

function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = ""]) => found);
}

Deno.test("README and its neighbours name only tasks that there are", async () => {
  const tasks = Object.keys(manifest.tasks);
  for (const name of PAGES) {
    const named = all(await page(name), /deno(?:@[\d.]+)? task ([a-z][a-z:]*)/g);
    deepEqual(named.filter((task) => !tasks.includes(task)), [], name);
  }
});

Deno.test("README's examples of commands are understood by the commands", async () => {
  const examples = all(
    await page("README.md"),
    /`deno task ((?:import|export|crawl|archive|rebuild|blobs|job) [^`]+)`/g,
  );
  equal(examples.length >= COMMANDS.length, true);
  for (const [name = "", ...args] of examples.map((text) => text.split(" "))) {
    const command = COMMANDS.find(({ spec }) => spec.name === name);
    if (command !== undefined) parseArguments(command.spec, args);
  }
});

Deno.test("README's settings are settings", async () => {
  const known = all(await page(".env.example"), /^# ([A-Z_]+)=/gm);
  const named = all(await page("README.md"), /`([A-Z]+_?[A-Z_]+)(?:=[^`]*)?`/g);
  const strangers = named.filter((name) =>
    !known.includes(name) && !/^[A-Z]+USDT$|^SYMBOL$/.test(name)
  );
  deepEqual(strangers, []);
});

Deno.test("README and its neighbours link to files that there are", async () => {
  for (const name of PAGES) {
    for (const target of all(await page(name), /\]\((?!https?:)([^)#]+)/g)) {
      equal((await Deno.stat(`${ROOT}${target}`)).isFile, true, `${name} links to ${target}`);
    }
  }
});

Deno.test("README installs the version that CI runs", async () => {
  const [version] = all(await page(".ci/run"), /^DENO_VERSION=([\d.]+)$/gm);
  const named = all(await page("README.md"), /deno@([\d.]+)/g);
  deepEqual([...new Set(named)], [version]);
});
