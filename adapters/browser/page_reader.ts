import type { HTTPRequest, Page } from "puppeteer-core";
import { systemClock as clock } from "@/adapters/clock.ts";
import type { ProxySettings } from "@/adapters/proxy.ts";
import { BrowserError } from "@/domain/ports/browser_error.ts";
import type { PageReader, PageRequest, PageRows } from "@/domain/ports/page_reader.ts";
import type { BrowserPool } from "./browser_pool.ts";
import { parseCookies } from "./cookies.ts";
import { guardPage } from "./page_guard.ts";
import {
  findBadSelector,
  readTable,
  tableContent,
  type TableProgress,
  tableProgress,
  watchTable,
} from "./page_script.ts";
import { type PageProxy, pageProxy } from "./page_proxy.ts";

export interface PageReaderOptions {
  readonly pool: BrowserPool;
  readonly proxy?: ProxySettings;
  /** For one page in all. */
  readonly timeoutMs?: number;
  /** Once it is loaded, its script has this long until a row is there. */
  readonly drawMs?: number;
  /** Rows that have not changed for this long are all. */
  readonly settleMs?: number;
}

const TIMEOUT_MS = 60_000;
const DRAW_MS = 15_000;
const SETTLE_MS = 500;
const LOOK_MS = 100;
/** Far above any such page. */
const LIMITS = { maxChars: 8 * 1_048_576, maxRows: 10_000 } as const;

interface Times {
  readonly timeoutMs: number;
  readonly drawMs: number;
  readonly settleMs: number;
}

/** Reads tables as a browser shows them. */
export function createPageReader(options: PageReaderOptions): PageReader {
  const { pool, proxy = {}, timeoutMs = TIMEOUT_MS, drawMs = DRAW_MS } = options;
  const times = { timeoutMs, drawMs, settleMs: options.settleMs ?? SETTLE_MS };
  return {
    async read(request) {
      const { url, signal } = request;
      const way = pageProxy(new URL(url), proxy);
      const op = `read ${new URL(url).host}`;
      return await pool.use(
        { op, signal, timeoutMs, context: way.context },
        (page) => readPage(page, { request, op, times, way }),
      );
    },
  };
}

interface Reading {
  readonly request: PageRequest;
  readonly op: string;
  readonly times: Times;
  readonly way: PageProxy;
}

async function readPage(page: Page, reading: Reading): Promise<PageRows> {
  const { request, op, way } = reading;
  const { url, columns, rows, empty, login } = request;
  const selectors = [rows, ...Object.values(columns), empty, login].filter((one) =>
    one !== undefined
  );
  const bad = await page.evaluate(findBadSelector(selectors));
  if (typeof bad === "string") {
    const problem = `${JSON.stringify(bad)} is no CSS selector`;
    throw new BrowserError(problem, { failure: "bad_selector", op });
  }
  await prepare(page, request);
  const guard = await guardPage(page, { url, way });
  const answers = watchAnswers(page, op);
  const opening = open(page, url, op);
  await Promise.race([opening, answers.broken]).catch((error: unknown) => {
    if (!guard.wasLedAway()) throw error;
  });
  if (answers.isBare() || guard.wasLedAway() && !await isShown(page, url)) {
    const nothing = { status: answers.status(), rows: [], isEmpty: false, html: "" };
    return { ...nothing, wantsLogin: guard.wasLedAway() };
  }
  // Where it has said that it fails nothing more is to come.
  const drawing = watched(page, reading, {
    isOver: () => answers.status() >= 400,
    wasLedAway: guard.wasLedAway,
  });
  const seen = await Promise.race([drawing, answers.broken]);
  const content = tableContent.parse(await page.evaluate(readTable(request, LIMITS)));
  if (content.tooLarge) {
    throw new BrowserError("its page is too large", { failure: "too_large", op });
  }
  return {
    status: answers.status(),
    ...{ rows: content.rows, html: content.html, isEmpty: seen.isEmpty },
    wantsLogin: seen.login || wasLedToLogin(request, seen) ||
      guard.wasLedAway() && content.rows.length === 0,
  };
}

/** The cookies go to the page's own host alone, over TLS where it has TLS. */
async function prepare(page: Page, { url, cookie }: PageRequest): Promise<void> {
  const secure = new URL(url).protocol === "https:";
  const session = await page.createCDPSession();
  for (const one of parseCookies(cookie.reveal())) {
    await session.send("Network.setCookie", { ...one, url: new URL("/", url).href, secure });
  }
  await session.detach();
  // Sites turn away what calls itself headless.
  const userAgent = (await page.browser().userAgent()).replace("HeadlessChrome", "Chrome");
  await page.setUserAgent({ userAgent });
}

async function open(page: Page, url: string, op: string): Promise<void> {
  try {
    await page.goto(url, { waitUntil: "domcontentloaded", timeout: 0 });
  } catch (cause) {
    const code = netCode(cause instanceof Error ? cause.message : "");
    throw code === undefined ? cause : unreachable(code, op);
  }
}

function netCode(text: string): string | undefined {
  return /net::(ERR_\w+)/.exec(text)?.[1];
}

/** Of a failure without a word, in whose place the browser shows a page of its own. */
const BARE_STATUS = "ERR_HTTP_RESPONSE_CODE_FAILURE";

interface Answers {
  /** HTTP status of the page that is shown, wherever it was led to. */
  status(): number;
  /** It was a status and nothing more. */
  isBare(): boolean;
  /** Rejects when less of it comes than was promised, which a browser shows as if it were all. */
  readonly broken: Promise<never>;
}

/** Whether the page that was asked for is there, and not an error in its place. */
async function isShown(page: Page, url: string): Promise<boolean> {
  const shown = await page.evaluate("location.href").catch(() => "");
  return typeof shown === "string" && shown.startsWith(new URL(url).origin);
}

function watchAnswers(page: Page, op: string): Answers {
  const broken = Promise.withResolvers<never>();
  let status = 200;
  let isBare = false;
  const isPage = (request: HTTPRequest) =>
    request.isNavigationRequest() && request.frame() === page.mainFrame();
  page.on("response", (response) => {
    const isRedirect = response.status() >= 300 && response.status() < 400;
    if (isPage(response.request()) && !isRedirect) status = response.status();
  });
  page.on("requestfailed", (request) => {
    const code = netCode(request.failure()?.errorText ?? "");
    // One navigation that makes way for another is aborted.
    if (!isPage(request) || code === undefined || code === "ERR_ABORTED") return;
    if (code === BARE_STATUS) isBare = true;
    else broken.reject(unreachable(code, op));
  });
  broken.promise.catch(() => {});
  return { status: () => status, isBare: () => isBare, broken: broken.promise };
}

function unreachable(code: string, op: string): BrowserError {
  return new BrowserError(`its page cannot be loaded (${code})`, { failure: "unreachable", op });
}

/** Waits until the page shows rows that no longer change, or what it shows in their place. */
async function watched(
  page: Page,
  { request, times: { drawMs, settleMs } }: Reading,
  { isOver, wasLedAway }: Record<"isOver" | "wasLedAway", () => boolean>,
): Promise<TableProgress> {
  let before: TableProgress | undefined;
  // Counted in looks, not by the clock: a browser that is held up draws nothing, either.
  let stillMs = 0;
  for (;;) {
    const seen = await look(page, request);
    if (seen !== undefined) {
      if (isOver() || seen.login) return seen;
      const isSame = seen.drawn === before?.drawn && seen.url === before.url;
      stillMs = isSame ? stillMs + LOOK_MS : 0;
      before = seen;
      const isThere = seen.rows > 0 || seen.isEmpty || wasLedAway() ||
        wasLedToLogin(request, seen);
      if (seen.parsed && stillMs >= (isThere ? settleMs : drawMs)) return seen;
    }
    await clock.sleep(LOOK_MS);
  }
}

function wasLedToLogin({ url }: PageRequest, seen: TableProgress): boolean {
  const [asked, shown] = [new URL(url), new URL(seen.url)];
  const isElsewhere = asked.host !== shown.host || asked.pathname !== shown.pathname;
  return isElsewhere && seen.password && seen.rows === 0;
}

/** Undefined in the moment in which one page makes way for the next. */
async function look(page: Page, request: PageRequest): Promise<TableProgress | undefined> {
  try {
    return tableProgress.parse(await page.evaluate(watchTable(request)));
  } catch (error) {
    if (error instanceof Error && /context was destroyed|Cannot find context/.test(error.message)) {
      return undefined;
    }
    throw error;
  }
}
