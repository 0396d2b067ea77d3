import { type ChildProcess, spawn } from "node:child_process";
import { setImmediate } from "node:timers";
import type { ConnectionTransport } from "puppeteer-core";

export interface ChromiumProcess {
  /** Speaks with it over its pipes: when this process dies, however it does, so does the browser. */
  readonly transport: ConnectionTransport;
  /** Resolves once it is gone, and when it never started: with why, in the system's word. */
  readonly ended: Promise<{ readonly code: string }>;
  /** The end of what it wrote to standard error. */
  said(): string;
  kill(): void;
}

export interface ChromiumOptions {
  readonly path: string;
  /** An empty folder of its own, for everything it writes. */
  readonly directory: string;
  /** Whether what pages run is locked in by the system. */
  readonly sandbox: boolean;
}

const SAID_CHARS = 4_000;

/** Quiet, without a window, and asking nobody but the pages' hosts. */
const FLAGS: readonly string[] = [
  "--headless=new",
  ...["--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--hide-scrollbars"],
  ...["--no-first-run", "--no-default-browser-check", "--disable-default-apps", "--mute-audio"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ...["--disable-client-side-phishing-detection", "--disable-domain-reliability", "--no-pings"],
  ...["--disable-extensions", "--disable-breakpad", "--disable-crash-reporter"],
  ...["--password-store=basic", "--use-mock-keychain", "--force-color-profile=srgb"],
  // Pages that nobody looks at would draw at leisure.
  ...["--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
  "--disable-backgrounding-occluded-windows",
  // The last ones start processes that a page without a window never needs: half of all its work.
  "--disable-features=Translate,MediaRouter,OptimizationHints,SpareRendererForSitePerProcess," +
  "WebUIReloadButton,WebUIOmniboxPopup,WebUIOmniboxAimPopup",
  "--remote-debugging-pipe",
];

/** Starts Chromium. It sees none of our environment, which holds secrets. */
export function startChromium({ path, directory, sandbox }: ChromiumOptions): ChromiumProcess {
  const flags = sandbox ? FLAGS : [...FLAGS, "--no-sandbox"];
  const child = spawn(path, [...flags, `--user-data-dir=${directory}/profile`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
    // What is said of temporary files is relative: names of sockets hold 107 bytes, folders more.
    cwd: directory,
    env: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      LANG: "C.UTF-8",
      ...{ HOME: directory, TMPDIR: "tmp", XDG_RUNTIME_DIR: `${directory}/tmp` },
    },
  });
  let said = "";
  child.stderr?.on("data", (bytes: Uint8Array) => {
    said = (said + new TextDecoder().decode(bytes)).slice(-SAID_CHARS);
  });
  const ended = new Promise<{ code: string }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code: String(code ?? signal) }));
    child.once("error", (error) => resolve({ code: "code" in error ? `${error.code}` : "?" }));
  });
  return {
    transport: pipeTransport(child, ended),
    ended,
    said: () => said,
    // Its children end by themselves once it is gone; to signal them would need more permissions.
    kill: () => void child.kill("SIGKILL"),
  };
}

/** Messages of the DevTools protocol end with a zero byte. */
function pipeTransport(
  { stdio: [, , , out, back] }: ChildProcess,
  ended: Promise<unknown>,
): ConnectionTransport {
  const transport: ConnectionTransport = {
    send(message) {
      if (out && "write" in out) out.write(`${message}\0`);
    },
    close() {
      if (out && "end" in out) out.end();
    },
  };
  const decoder = new TextDecoder();
  let parts: string[] = [];
  back?.on("data", (bytes: Uint8Array) => {
    const [first = "", ...rest] = decoder.decode(bytes, { stream: true }).split("\0");
    parts.push(first);
    for (const next of rest) {
      const message = parts.join("");
      // A turn of its own, as every transport of the library does it.
      setImmediate(() => transport.onmessage?.(message));
      parts = [next];
    }
  });
  // A browser that dies breaks its pipes; that it is gone is what is told.
  for (const stream of [out, back]) stream?.on("error", () => {});
  void ended.then(() => setImmediate(() => transport.onclose?.()));
  return transport;
}
