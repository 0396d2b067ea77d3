import { resolve } from "node:path";
import type { Log } from "@/domain/ports/log.ts";
import type { Credential } from "@/domain/ports/market_source.ts";
import { type BrowserPool, createBrowserPool } from "./browser_pool.ts";
import { findBrowser } from "./find_browser.ts";
import { connectBrowser, launchBrowser } from "./open_browser.ts";

export interface BrowserChoice {
  /** Something is configured that needs one. */
  readonly isWanted: boolean;
  /** Of a browser to start; one is looked for where neither this nor `ws` is given. */
  readonly path: string | undefined;
  /** DevTools address of one that runs elsewhere, used in its place; may hold a token. */
  readonly ws: Credential | undefined;
}

export interface BrowserOptions extends BrowserChoice {
  /** For what a browser writes. */
  readonly directory: string;
  readonly log: Log;
}

/** Nothing is started yet. Undefined where none is wanted or to be had, which the log tells. */
export async function openBrowserPool(
  { directory, log, ...choice }: BrowserOptions,
): Promise<BrowserPool | undefined> {
  const { isWanted, path: given, ws } = choice;
  if (!isWanted) return undefined;
  if (ws !== undefined) return createBrowserPool({ open: () => connectBrowser(ws.reveal()), log });
  const path = await browserToRun(choice);
  if (path === undefined) {
    log.warn("no browser: what needs one is not configured; set BROWSER_PATH", { path: given });
    return undefined;
  }
  return createBrowserPool({ open: () => launchBrowser({ path, directory, log }), log });
}

/** Absolute path of the browser that will be started, if any. */
export async function browserToRun(
  { isWanted, path, ws }: BrowserChoice,
): Promise<string | undefined> {
  if (!isWanted || ws !== undefined) return undefined;
  return await findBrowser(path === undefined ? undefined : resolve(path));
}
