import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { Page } from "puppeteer-core";
import {
  type BrowserPool,
  type BrowserPoolOptions,
  createBrowserPool,
} from "@/adapters/browser/browser_pool.ts";
import {
  connectBrowser,
  launchBrowser,
  type OpenBrowser,
} from "@/adapters/browser/open_browser.ts";
import { BrowserError } from "@/domain/ports/browser_error.ts";
import { waitUntil } from "@/tests/support/program.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import {
  allGone,
  BROWSER,
  browserFolder,
  browsersIn,
  browserTest,
  openChromium,
} from "@/tests/support/real_browser.ts";

const never = new AbortController().signal;
const use = { op: "look", timeoutMs: 20_000, signal: never };
const title = (page: Page) => page.evaluate("document.title + location.href");

interface Scene {
  readonly pool: BrowserPool;
  readonly folder: string;
  readonly started: OpenBrowser[];
}

/** A pool in a folder whose path is longer than a socket's name may be. */
async function withPool(
  options: Partial<BrowserPoolOptions>,
  test: (scene: Scene) => Promise<void>,
): Promise<void> {
  const { path, remove } = await browserFolder();
  const folder = `${path}/${"far-away/".repeat(12)}`;
  const started: OpenBrowser[] = [];
  const pool = createBrowserPool({
    log: quietLog,
    async open() {
      const browser = await openChromium(folder);
      started.push(browser);
      return browser;
    },
    ...options,
  });
  try {
    await test({ pool, folder, started });
  } finally {
    await pool.close();
    equal(await allGone(path), true);
    const isEmpty = async () =>
      (await Array.fromAsync(Deno.readDir(folder)).catch(() => [])).length === 0;
    equal(await waitUntil(isEmpty), true);
    await remove();
  }
}

browserTest("browser pool: starts one browser for all, when the first page is wanted", async () => {
  await withPool({ maxPages: 2 }, async ({ pool, started }) => {
    equal(started.length, 0);
    let [now, most] = [0, 0];
    const two = Promise.withResolvers<void>();
    const pages = Array.from({ length: 3 }, () =>
      pool.use(use, async () => {
        most = Math.max(most, ++now);
        if (now === 2) two.resolve();
        await two.promise;
        now--;
      }));
    await Promise.all(pages);
    deepEqual([started.length, most], [1, 2]);
    // What work throws is its own, and harms nobody.
    const mine = new RangeError("mine");
    await rejects(pool.use(use, () => Promise.reject(mine)), (error) => error === mine);
    equal((await started[0]?.browser.pages())?.length, 1);
  });
});

browserTest(
  "browser pool: replaces one that has shown its pages, not while it shows another",
  async () => {
    await withPool({ recycleAfter: 2 }, async ({ pool, started }) => {
      const second = Promise.withResolvers<void>();
      const first = pool.use(use, async (page) => {
        await second.promise;
        return await title(page);
      });
      await pool.use(use, title);
      // Its two pages are given out: the next one is another's, and it still lives.
      await pool.use(use, title);
      deepEqual([started.length, started[0]?.browser.connected], [2, true]);
      second.resolve();
      equal(await first, "about:blank");
      await started[0]?.gone;
      equal(started[1]?.browser.connected, true);
    });
  },
);

browserTest(
  "browser pool: one that nobody uses ends, one that is killed or hangs is replaced",
  async () => {
    await withPool({ idleMs: 100 }, async ({ pool, folder, started }) => {
      await pool.use(use, title);
      await started[0]?.gone;
      equal(await allGone(folder), true);

      const killed = pool.use(use, async () => {
        for (const pid of await browsersIn(folder)) Deno.kill(pid, "SIGKILL");
        await new Promise(() => {});
      });
      await rejects(
        killed,
        (error) => error instanceof BrowserError && error.failure === "crashed",
      );

      // One that is stopped answers nothing, and does not even let go of its page.
      const enough = new AbortController();
      const stuck = pool.use({ ...use, signal: enough.signal }, async () => {
        for (const pid of await browsersIn(folder)) Deno.kill(pid, "SIGSTOP");
        enough.abort(new Error("enough"));
        await new Promise(() => {});
      });
      await rejects(stuck, /enough/);
      equal(await allGone(folder), true);
      equal(await pool.use(use, title), "about:blank");
    });
  },
);

browserTest("browser pool: closing ends what is under way, and what comes later", async () => {
  await withPool({}, async ({ pool, started }) => {
    const isAbort = (error: unknown) => error instanceof Error && error.name === "AbortError";
    const begun = Promise.withResolvers<void>();
    const work = pool.use({ ...use, timeoutMs: 600_000 }, () => {
      begun.resolve();
      return new Promise(() => {});
    });
    const ended = rejects(work, isAbort);
    await begun.promise;
    const before = performance.now();
    await pool.close();
    ok(performance.now() - before < 30_000, "what is under way is not waited for");
    await ended;
    await rejects(pool.use(use, title), isAbort);
    deepEqual([started.length, started[0]?.browser.connected], [1, false]);
  });
  // One that is just being started is not waited for, and does not stay.
  await withPool({}, async ({ pool }) => {
    const ended = rejects(pool.use(use, title), (error) => error instanceof Error);
    await Promise.all([pool.close(), ended]);
  });
});

browserTest("browser pool: uses a browser elsewhere, and leaves it running", async () => {
  const { path, remove } = await browserFolder();
  const child = new Deno.Command(BROWSER ?? "", {
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
      .concat(`--user-data-dir=${path}`, "about:blank"),
    stdout: "null",
    stderr: "piped",
  }).spawn();
  try {
    let said = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (/ws:\/\/\S+\n/.test(said)) break;
    }
    const [address = ""] = /ws:\/\/\S+/.exec(said) ?? [];
    await withPool({ open: () => connectBrowser(address) }, async ({ pool }) => {
      equal(await pool.use(use, title), "about:blank");
    });
    equal((await fetch(address.replace(/^ws(.*?)\/devtools.*/, "http$1/json/version"))).ok, true);
    const [port] = [new URL(address).port];
    child.kill("SIGKILL");
    await child.status;
    const failed = connectBrowser(address);
    await rejects(failed, (error) => {
      ok(error instanceof BrowserError);
      equal(error.message, "Cannot start a browser: the browser of BROWSER_WS cannot be reached");
      ok(!Deno.inspect(error.message).includes(port));
      return error.retryable;
    });
  } finally {
    await remove().catch(() => {});
  }
});

Deno.test("launchBrowser: what is no browser is named, with what to do, and nothing is left", async () => {
  const { path: directory, remove } = await browserFolder();
  for (const [path, code] of [["/nowhere/chromium", "ENOENT"], ["/bin/true", "0"]] as const) {
    const lines: unknown[] = [];
    const log = { ...quietLog, warn: (_: string, fields: unknown) => void lines.push(fields) };
    const error = await launchBrowser({ path, directory, log }).catch((cause: unknown) => cause);
    ok(error instanceof BrowserError);
    deepEqual([error.failure, error.retryable, error.message], [
      ...["missing", false, `Cannot start a browser: no browser starts from ${path} (${code})`],
    ]);
    match(error.hint ?? "", /BROWSER_PATH/);
    equal(lines.length, 1);
  }
  deepEqual(await Array.fromAsync(Deno.readDir(directory)), []);
  await remove();
});

Deno.test("launchBrowser: one that is killed while it starts may start the next time", async () => {
  const { path: directory, remove } = await browserFolder();
  const path = `${directory}/killed`;
  await Deno.writeTextFile(path, "#!/bin/sh\nkill -KILL $$\n", { mode: 0o700 });
  await rejects(launchBrowser({ path, directory, log: quietLog }), (error) => {
    ok(error instanceof BrowserError);
    match(error.message, /the browser died while it started \(SIGKILL\)$/);
    return error.retryable;
  });
  await remove();
});
