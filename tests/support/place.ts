import { equal } from "node:assert/strict";
import { madeOnce } from "./made_once.ts";
import { runProgram, type Settings } from "./program.ts";

/** JSON of any shape: tests reach into it. */
type Result = ReturnType<typeof JSON.parse>;

/** A folder with an installation of its own. */
export interface Place {
  readonly settings: Settings;
  path(name: string): string;
}

/** An installation without data, made once and copied: making a database takes seconds. */
async function pristine(): Promise<string> {
  return await madeOnce("pristine", async (path) => {
    await runProgram(["crawl", "nosuchvenue:BTC/USDT:1m"], { settings: { DATA_DIR: path } });
  });
}

/** Puts an installation without data there. */
export async function copyPristine(dataDir: string): Promise<void> {
  await copyFolder(await pristine(), dataDir);
}

/** An empty folder with an installation that watches nothing, gone after the test. */
export async function withPlace(test: (place: Place) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "chandlery-e2e-" }));
  const settings = { DATA_DIR: `${folder}/data`, WATCH: "none", CRON: "off", LOG_LEVEL: "warn" };
  try {
    await copyPristine(settings.DATA_DIR);
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
