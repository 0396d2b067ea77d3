import { equal } from "node:assert/strict";
import { runProgram, type Settings } from "./program.ts";

/** JSON of any shape: tests reach into it. */
type Result = ReturnType<typeof JSON.parse>;

/** A folder with an installation of its own. */
export interface Place {
  readonly settings: Settings;
  path(name: string): string;
}

/** An installation without data, made once and copied: making a database takes seconds. */
let pristine: Promise<string> | undefined;

async function makePristine(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "chandlery-e2e-pristine-" });
  await runProgram(["job", "none"], { settings: { DATA_DIR: folder } });
  return folder;
}

Deno.test.afterAll(async () => {
  if (pristine !== undefined) await Deno.remove(await pristine, { recursive: true });
});

/** An empty folder with an installation that watches nothing, gone after the test. */
export async function withPlace(test: (place: Place) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "chandlery-e2e-" }));
  const settings = { DATA_DIR: `${folder}/data`, WATCH: "none", CRON: "off", LOG_LEVEL: "warn" };
  try {
    await copyFolder(await (pristine ??= makePristine()), settings.DATA_DIR);
    await test({ settings, path: (name) => `${folder}/${name}` });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { mode: 0o700 });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Runs a command that must succeed; its result. */
export async function command(args: readonly string[], settings: Settings): Promise<Result> {
  const ended = await runProgram([...args, "--json"], { settings });
  equal(ended.code, 0, `${args.join(" ")}: ${ended.stderr}`);
  return JSON.parse(ended.stdout);
}
