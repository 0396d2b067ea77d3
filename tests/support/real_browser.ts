import { findBrowser } from "@/adapters/browser/find_browser.ts";
import { launchBrowser, type OpenBrowser } from "@/adapters/browser/open_browser.ts";
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

/** Processes that were started with this text in a flag: a browser's, by its folder. */
export async function processesWith(text: string): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (command.includes(text) && Number(name) !== Deno.pid) found.push(Number(name));
  }
  return found;
}
