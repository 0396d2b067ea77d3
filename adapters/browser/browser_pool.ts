import type { BrowserContextOptions, Page } from "puppeteer-core";
import { systemClock as clock } from "@/adapters/clock.ts";
import { createLimiter } from "@/adapters/limiter.ts";
import { untilAborted } from "@/adapters/until_aborted.ts";
import { BrowserError } from "@/domain/ports/browser_error.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { OpenBrowser } from "./open_browser.ts";
import { atMost } from "./within.ts";

export interface BrowserPoolOptions {
  /** Starts a browser, or connects to one. */
  readonly open: () => Promise<OpenBrowser>;
  readonly log: Log;
  /** Pages at one time. */
  readonly maxPages?: number;
  /** A browser that has shown this many pages is replaced by a fresh one. */
  readonly recycleAfter?: number;
  /** An unused browser is closed after this time. */
  readonly idleMs?: number;
}

export interface PageUse {
  /** What is done, for errors: `read site.example`. */
  readonly op: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** The page has a context of its own: no other page sees its cookies, and nothing of it stays. */
  readonly context?: BrowserContextOptions | undefined;
}

/** One browser, started when it is needed and shared by all who show pages. */
export interface BrowserPool {
  /**
   * Lends a page for some work. When that takes too long, is aborted, or the browser dies, it is over
   * at once: BrowserErrors, or the signal's reason. What the work itself throws is handed on.
   */
  use<T>(options: PageUse, work: (page: Page) => Promise<T>): Promise<T>;
  /** Ends what is under way and the browser. */
  close(): Promise<void>;
}

interface Lent<T> {
  readonly use: PageUse;
  readonly work: (page: Page) => Promise<T>;
  /** Aborted when it is too late, or nobody wants it any more. */
  readonly end: AbortSignal;
}

interface Held {
  readonly opened: OpenBrowser;
  /** Lent out now, and ever. */
  inUse: number;
  served: number;
}

const MAX_PAGES = 2;
const RECYCLE_AFTER = 100;
const IDLE_MS = 60_000;
const START_MS = 500;
/** Longer than this nobody waits for a page to go. */
const LEAVE_MS = 2_000;

export function createBrowserPool(options: BrowserPoolOptions): BrowserPool {
  const { open, log, recycleAfter = RECYCLE_AFTER, idleMs = IDLE_MS } = options;
  const turns = createLimiter({
    ...{ clock, intervalMs: 0, maxInFlight: options.maxPages ?? MAX_PAGES },
  });
  const closing = new AbortController();
  const held = new Set<Held>();
  /** What those who come get, and the browser behind it once it runs. */
  let current: Promise<Held> | undefined;
  let newest: Held | undefined;
  let idle: ReturnType<typeof setTimeout> | undefined;

  async function start(): Promise<Held> {
    const one: Held = { opened: await open(), inUse: 0, served: 0 };
    held.add(one);
    newest = one;
    void one.opened.gone.then(() => {
      if (held.has(one)) log.warn("a browser died", { pages: one.inUse });
      forget(one);
    });
    if (closing.signal.aborted) await retire(one);
    return one;
  }

  /** Those who need one at the same moment wait for the same. */
  async function take(): Promise<Held> {
    const starting = current ??= start();
    try {
      return await starting;
    } catch (error) {
      if (current === starting) current = undefined;
      throw error;
    }
  }

  /** Whoever comes now gets another one. */
  function letGo(one: Held): void {
    if (newest === one) current = newest = undefined;
  }

  function forget(one: Held): void {
    held.delete(one);
    letGo(one);
  }

  async function retire(one: Held): Promise<void> {
    forget(one);
    await one.opened.close();
  }

  async function lend<T>(lent: Lent<T>, tries = 2): Promise<T> {
    lent.end.throwIfAborted();
    const one = await untilAborted(take(), lent.end);
    if (!held.has(one)) {
      // It has gone in the moment between its start and this line; one after the other does not.
      if (tries > 1) return await lend(lent, tries - 1);
      throw new BrowserError("the browser died", { failure: "crashed", op: lent.use.op });
    }
    clearTimeout(idle);
    one.inUse++;
    if (++one.served >= recycleAfter) letGo(one);
    try {
      return await onPage(one, lent);
    } finally {
      one.inUse--;
      if (one.inUse === 0 && held.has(one)) rest(one);
    }
  }

  function rest(one: Held): void {
    if (newest !== one) return void retire(one);
    idle = setTimeout(() => void (one.inUse === 0 && retire(one)), idleMs);
    // A command that is done does not wait for it.
    Deno.unrefTimer(idle);
  }

  async function onPage<T>(one: Held, { use, work, end }: Lent<T>): Promise<T> {
    const { browser, gone } = one.opened;
    const dead = (cause?: unknown) =>
      new BrowserError("the browser died", { failure: "crashed", op: use.op, cause });
    const died = Promise.withResolvers<never>();
    void gone.then(() => died.reject(dead()));
    const opening = browser.createBrowserContext({
      downloadBehavior: { policy: "deny" },
      ...use.context,
    });
    const working = opening.then(async (context) => {
      const page = await context.newPage();
      page.on("error", (error) => died.reject(dead(error)));
      // A question that nobody answers would hold the page for ever.
      page.on("dialog", (dialog) => void dialog.dismiss().catch(() => {}));
      return await work(page);
    });
    try {
      return await untilAborted(Promise.race([working, died.promise]), end);
    } catch (error) {
      if (end.aborted) throw end.reason;
      if (!browser.connected) throw dead(error);
      if (!isBrokenOff(error)) throw error;
      throw new BrowserError("the page broke off", {
        ...{ failure: "crashed", op: use.op, cause: error },
      });
    } finally {
      const left = opening.then((context) => context.close()).then(() => true, () => false);
      // A browser that does not even let go of a page is of no more use to anybody.
      if (!await isTrueInTime(left)) await retire(one);
    }
  }

  return {
    async use(options, work) {
      const { op, signal, timeoutMs } = options;
      const late = new AbortController();
      const end = AbortSignal.any([signal, closing.signal, late.signal]);
      const timer = setTimeout(() => {
        const problem = `it took longer than ${timeoutMs / 1_000} s`;
        late.abort(new BrowserError(problem, { failure: "timeout", op }));
      }, timeoutMs);
      try {
        return await turns.run(() => lend({ use: options, work, end }), {
          priority: "live",
          signal: end,
        });
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      closing.abort(new DOMException("The browser is closing", "AbortError"));
      clearTimeout(idle);
      // One that only starts sees by itself that it is not wanted any more.
      await atMost(START_MS, current ?? Promise.resolve());
      await Promise.all([...held].map(retire));
    },
  };
}

async function isTrueInTime(work: Promise<boolean>): Promise<boolean> {
  let answer = false;
  await atMost(LEAVE_MS, work.then((value) => answer = value));
  return answer;
}

/** The protocol's own errors: the page or the connection went away in the middle. */
function isBrokenOff(error: unknown): boolean {
  return error instanceof Error &&
    /^(Protocol|TargetClose|ConnectionClosed)Error$/.test(error.name);
}
