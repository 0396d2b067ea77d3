import { findBrowser } from "@/adapters/browser/find_browser.ts";
import { launchBrowser, type OpenBrowser } from "@/adapters/browser/open_browser.ts";
import { waitUntil } from "./program.ts";
import { quietLog } from "./quiet_log.ts";

/** `BROWSER_PATH`, else the one that the program finds by itself; undefined where there is none. */
export const BROWSER: string | undefined = await findBrowser(
  Deno.env.get("BROWSER_PATH") || undefined,
);

/** A test in a real Chromium; without one it is skipped, and the summary says so. */
export function browserTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name: `${name} [real browser]`, ignore: BROWSER === undefined, fn });
}

/** A folder for browsers of a test file, gone with what is left in it. */
export async function browserFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await Deno.makeTempDir({ prefix: "chandlery-browser-" });
  return { path, remove: () => Deno.remove(path, { recursive: true }) };
}

/** Starts one; whoever calls closes it. */
export async function openChromium(directory: string): Promise<OpenBrowser> {
  if (BROWSER === undefined) throw new Error("no browser");
  return await launchBrowser({ path: BROWSER, directory, log: quietLog });
}

/** Processes of browsers whose folder lies in this one. */
export async function processesIn(folder: string): Promise<readonly number[]> {
  return (await processes()).filter(({ command }) => command.includes(folder)).map(({ pid }) =>
    pid
  );
}

/** Waits for the end of all of them: those that a browser has started follow it in a moment. */
export async function allGone(folder: string): Promise<boolean> {
  return await waitUntil(async () => (await processesIn(folder)).length === 0);
}

/** Those among them that are browsers themselves: they have started the others. */
export async function browsersIn(folder: string): Promise<readonly number[]> {
  const ours = (await processes()).filter(({ command }) => command.includes(folder));
  return ours.filter(({ command }) =>
    command.includes("--remote-debugging-pipe") && !command.includes("--type=")
  ).map(({ pid }) => pid);
}

async function processes(): Promise<readonly { pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    found.push({ pid: Number(name), command });
  }
  return found;
}
