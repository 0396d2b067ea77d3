import type { Browser } from "puppeteer-core";
import { removeFolder } from "@/adapters/remove_folder.ts";
import { BrowserError } from "@/domain/ports/browser_error.ts";
import type { Log } from "@/domain/ports/log.ts";
import { startChromium } from "./chromium_process.ts";
import { atMost, within } from "./within.ts";

/** A browser that runs. */
export interface OpenBrowser {
  readonly browser: Browser;
  /** Resolves once it is gone, however it ended. */
  readonly gone: Promise<void>;
  /** Over within a few seconds, whatever state it is in; never rejects. */
  close(): Promise<void>;
}

export interface LaunchOptions {
  readonly path: string;
  /** Each browser gets a folder in it, which goes with the browser. */
  readonly directory: string;
  readonly log: Log;
  /** Left out: unless this process is root's, which has none. */
  readonly sandbox?: boolean | undefined;
}

const START_MS = 20_000;
/** What one message of the protocol may wait for its answer. */
const PROTOCOL_MS = 30_000;
/** Twice this is what a stop of the service leaves for it. */
const CLOSE_MS = 1_000;
const OP = "start a browser";
/** What Chromium says where it cannot lock itself in. */
const NO_SANDBOX = /no usable sandbox|without --no-sandbox|sandbox_host|setuid sandbox/i;

/**
 * Starts one on this machine, without its sandbox where the system has none to offer: to root, and in
 * many containers. Throws {@linkcode BrowserError}.
 */
export async function launchBrowser(options: LaunchOptions): Promise<OpenBrowser> {
  const { path, directory, log } = options;
  const home = `${directory}/${crypto.randomUUID().slice(0, 8)}`;
  await Deno.mkdir(`${home}/tmp`, { recursive: true, mode: 0o700 });
  // What this process makes is owned by who runs it.
  const sandbox = options.sandbox ?? (await Deno.stat(home)).uid !== 0;
  const chromium = startChromium({ path, directory: home, sandbox });
  const gone = chromium.ended.then(() => {});
  const removed = gone.then(() => removeFolder(home)).catch((error: unknown) => {
    log.warn("a browser's folder could not be removed", { error });
  });
  try {
    const { transport } = chromium;
    const options = { transport, defaultViewport: null, protocolTimeout: PROTOCOL_MS };
    const { connect } = await import("puppeteer-core");
    const died = chromium.ended.then(({ code }) => {
      throw noneAt(path, code);
    });
    const browser = await within(START_MS, Promise.race([connect(options), died]), tooLate);
    return {
      ...{ browser, gone },
      async close() {
        const asked = browser.close().then(() => chromium.ended).catch(() => {});
        await atMost(CLOSE_MS, asked);
        chromium.kill();
        await atMost(CLOSE_MS, removed);
      },
    };
  } catch (cause) {
    chromium.kill();
    await atMost(CLOSE_MS, removed);
    if (sandbox && NO_SANDBOX.test(chromium.said())) {
      log.warn("the browser has no sandbox here: pages are drawn without one", { path });
      return await launchBrowser({ ...options, sandbox: false });
    }
    log.warn("a browser did not start", { path, said: chromium.said() });
    throw cause instanceof BrowserError ? cause : noneAt(path, "no answer", cause);
  }
}

/** Uses one that runs elsewhere, which stays when this process goes. Throws {@linkcode BrowserError}. */
export async function connectBrowser(address: string): Promise<OpenBrowser> {
  const { connect } = await import("puppeteer-core");
  const connecting = connect({
    ...{ browserWSEndpoint: address, defaultViewport: null, protocolTimeout: PROTOCOL_MS },
    // Else a socket that is never answered would stay open.
    wsOptions: { handshakeTimeout: START_MS },
  });
  const browser = await within(START_MS, connecting, tooLate).catch((cause: unknown) => {
    void connecting.then((late) => late.disconnect()).catch(() => {});
    if (cause instanceof BrowserError) throw cause;
    throw new BrowserError("the browser of BROWSER_WS cannot be reached", {
      ...{ failure: "crashed", op: OP, cause },
    });
  });
  const gone = new Promise<void>((resolve) => {
    if (!browser.connected) resolve();
    browser.once("disconnected", () => resolve());
  });
  return {
    ...{ browser, gone },
    close: () => browser.disconnect().catch(() => {}),
  };
}

function noneAt(path: string, code: string, cause?: unknown): BrowserError {
  // A machine without memory or handles to spare kills or refuses it; later it may start.
  if (/^(SIG|EAGAIN|ENOMEM|EMFILE|ENFILE)/.test(code)) {
    return new BrowserError(`the browser died while it started (${code})`, {
      ...{ failure: "crashed", op: OP, cause },
    });
  }
  return new BrowserError(`no browser starts from ${path} (${code})`, {
    ...{ failure: "missing", op: OP, cause },
    hint: "install Chromium, or name one that runs here in BROWSER_PATH",
  });
}

function tooLate(): BrowserError {
  return new BrowserError(`it did not answer within ${START_MS / 1_000} s`, {
    ...{ failure: "timeout", op: OP },
  });
}
