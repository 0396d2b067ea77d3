import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { type BrowserPool, createBrowserPool } from "@/adapters/browser/browser_pool.ts";
import type { OpenBrowser } from "@/adapters/browser/open_browser.ts";
import { createPageReader } from "@/adapters/browser/page_reader.ts";
import { BrowserError } from "@/domain/ports/browser_error.ts";
import type { PageReader, PageRequest, PageRows } from "@/domain/ports/page_reader.ts";
import { credential } from "@/tests/support/open_sites.ts";
import { html, type PageSite, startSite } from "@/tests/support/page_site.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import { BROWSER, browserFolder, browserTest, openChromium } from "@/tests/support/real_browser.ts";

interface Scene {
  readonly pool: BrowserPool;
  readonly site: PageSite;
  readonly reader: PageReader;
  /** The browser that was started last. */
  browser(): OpenBrowser | undefined;
  close(): Promise<void>;
}

async function openScene(): Promise<Scene> {
  const [folder, site] = [await browserFolder(), startSite()];
  let browser: OpenBrowser | undefined;
  const open = async () => browser = await openChromium(folder.path);
  const pool = createBrowserPool({ open, log: quietLog, maxPages: 4 });
  return {
    ...{ pool, site, reader: createPageReader({ pool, drawMs: 300, settleMs: 100 }) },
    browser: () => browser,
    async close() {
      await pool.close();
      await site.close();
      await folder.remove();
    },
  };
}

let opened: Promise<Scene> | undefined;
const scene = () => opened ??= openScene();
// Started before the first test, so that none of them is timed with it.
if (BROWSER !== undefined) Deno.test.beforeAll(async () => void await scene());
Deno.test.afterAll(async () => await (await opened)?.close());

const TABLE = {
  rows: "tr.product",
  columns: { variety: "td.variety", spread: "td.spread" },
  ...{ empty: "p.empty", login: "form.login" },
};

const ROW =
  `<table><tr class="product"><td class="variety">rb</td><td class="spread">1</td></tr></table>`;

/** Reads the page that `answer` makes, at a path of its own. */
async function read(
  answer: Parameters<PageSite["pages"]["set"]>[1],
  changes: Partial<PageRequest> & { path?: string; reader?: PageReader } = {},
): Promise<PageRows> {
  const { site, reader } = await scene();
  const path = changes.path ?? `/${crypto.randomUUID()}`;
  site.pages.set(path, answer);
  return await (changes.reader ?? reader).read({
    ...{ ...TABLE, url: `${site.url}${path}`, cookie: credential("session=abc=1; lang=zh") },
    signal: new AbortController().signal,
    ...changes,
  });
}

async function failure(reading: Promise<unknown>): Promise<BrowserError> {
  const error = await reading.then(() => undefined, (cause: unknown) => cause);
  ok(error instanceof BrowserError, Deno.inspect(error));
  equal(error.port, "browser");
  return error;
}

browserTest("page reader: reads rows that a script draws one after the other, later", async () => {
  const script = `<table></table><script>
const draw = (n) => {
  document.querySelector("table").insertRow().outerHTML =
    '<tr class="product"><td class="variety"> rb' + n + ' <script-x></script-x></td></tr>';
  if (n < 5) setTimeout(draw, 40, n + 1);
};
setTimeout(draw, 120, 1);
</script>`;
  const reader = createPageReader({ pool: (await scene()).pool, settleMs: 300 });
  const answer = await read(() => html(script), { reader });
  const { status, rows, isEmpty, wantsLogin, html: page } = answer;
  deepEqual([status, isEmpty, wantsLogin], [200, false, false]);
  deepEqual(rows, [1, 2, 3, 4, 5].map((n) => ({ variety: `rb${n}`, spread: null })));
  match(page, /<script-x>/);
});

browserTest("page reader: tells a table that is empty from one that is not there", async () => {
  const [empty, changed] = await Promise.all([
    read(() => html('<p class="empty">暂无数据</p>')),
    read(() => html("<table class=new></table>")),
  ]);
  deepEqual([empty.rows, empty.isEmpty, empty.wantsLogin], [[], true, false]);
  deepEqual([changed.rows, changed.isEmpty, changed.wantsLogin], [[], false, false]);
});

browserTest("page reader: sees a login wall, and one that it is led to", async () => {
  const { site } = await scene();
  site.pages.set("/signin", () => html('<input type="password">'));
  const location = { headers: { location: "/signin" } };
  const [wall, led, byScript, own] = await Promise.all([
    read(() => html('<form class="login"></form>')),
    read(() => new Response(null, { status: 302, ...location })),
    read(() => html('<script>location.href = "/signin"</script>')),
    // A form to change one's password is none to log in at.
    read(() => html(`${ROW}<input type="password">`)),
  ]);
  deepEqual([wall.rows, wall.wantsLogin], [[], true]);
  deepEqual([led.status, led.rows, led.wantsLogin], [200, [], true]);
  deepEqual([byScript.rows, byScript.wantsLogin], [[], true]);
  deepEqual([own.rows.length, own.wantsLogin], [1, false]);
});

browserTest(
  "page reader: answers the status of a page that fails, with what it shows",
  async () => {
    const reader = await slowReader();
    const bare = read(() => new Response(null, { status: 503 }));
    await Promise.all([403, 404, 502].map(async (status) => {
      const page = await read(() => html("<h1>no</h1>", { status }), { reader });
      deepEqual([page.status, page.rows], [status, []]);
      match(page.html, /<h1>no<\/h1>/);
    }));
    deepEqual([(await bare).status, (await bare).html], [503, ""]);
  },
);

/** One that would wait for ever for what never comes. */
async function slowReader(): Promise<PageReader> {
  return createPageReader({ pool: (await scene()).pool, drawMs: 1e9, timeoutMs: 20_000 });
}

browserTest("page reader: sends the cookies to the page's own host and to no other", async () => {
  const { site, pool } = await scene();
  const reader = createPageReader({ pool, settleMs: 100, proxy: { httpProxy: site.url } });
  const [elsewhere, home] = ["http://other.test", "http://prices.test"];
  site.pages.set("/api", () => new Response("[]"));
  site.pages.set("/pixel", () => new Response(""));
  const before = site.requests.length;
  await read(() =>
    html(`<script>
Promise.all([
  fetch("/api"),
  fetch("${elsewhere}/pixel", { mode: "no-cors", credentials: "include" }),
]).then(() => document.body.innerHTML = '<p class="empty"></p>');
</script>`), { path: "/cookies", url: `${home}/cookies`, reader });
  const sent = new Map(
    site.requests.slice(before).map(({ path, headers }) => [path, headers.get("cookie")]),
  );
  equal(sent.get("/cookies"), "session=abc=1; lang=zh");
  equal(sent.get("/api"), "session=abc=1; lang=zh");
  equal(sent.get("/pixel"), null);
  // And nothing of it stays for the next page.
  const next = { path: "/next", url: `${home}/next`, cookie: credential(""), reader };
  await read(() => html('<p class="empty"></p>'), next);
  equal(site.requests.at(-1)?.headers.get("cookie"), null);
  const said = [...site.requests.at(-1)?.headers ?? []].join("\n");
  match(said, /user-agent,Mozilla.* Chrome\//);
  ok(!/headless/i.test(said), said);
});

browserTest(
  "page reader: gives up a page or a script that never ends",
  async () => {
    const { pool, site } = await scene();
    const reader = createPageReader({ pool, timeoutMs: 700 });
    const busy = () => html("<script>for (;;);</script>");
    await Promise.all([site.hang, busy].map(async (answer) => {
      const error = await failure(read(answer, { reader }));
      deepEqual([error.failure, error.retryable], ["timeout", true]);
      match(error.message, /^Cannot read 127\.0\.0\.1:\d+: it took longer than 0\.7 s$/);
    }));
    equal((await read(() => html(ROW))).status, 200);
  },
);

browserTest("page reader: stops at once when it is aborted, with the reason", async () => {
  const { site } = await scene();
  const ends = new AbortController();
  const reason = new DOMException("enough", "AbortError");
  const reading = read(() => {
    ends.abort(reason);
    return site.hang();
  }, { signal: ends.signal });
  await rejects(reading, (error) => error === reason);
  await rejects(
    read(() => html(""), { signal: AbortSignal.abort(reason) }),
    (error) => error === reason,
  );
});

browserTest(
  "page reader: half a page is none, and that nobody answers is told with why",
  async () => {
    const cut = () =>
      new Response(new Blob([ROW]).stream(), {
        headers: { "content-type": "text/html", "content-length": "10000" },
      });
    const [half, nobody] = await Promise.all([
      failure(read(cut)),
      failure(read(() => html(""), { url: "http://127.0.0.1:1/" })),
    ]);
    deepEqual([half.failure, half.problem], [
      ...["unreachable", "its page cannot be loaded (ERR_CONTENT_LENGTH_MISMATCH)"],
    ]);
    equal(nobody.message, "Cannot read 127.0.0.1:1: its page cannot be loaded (ERR_UNSAFE_PORT)");
  },
);

browserTest(
  "page reader: goes through the proxy of the settings, which alone hears its password",
  async () => {
    const { site, pool } = await scene();
    const httpProxy = site.url.replace("//", "//me:p%40ss@");
    const reader = createPageReader({ pool, settleMs: 100, proxy: { httpProxy } });
    const before = site.requests.length;
    const page = (request: Request) =>
      request.headers.get("proxy-authorization") === `Basic ${btoa("me:p@ss")}`
        ? html(ROW)
        : new Response(null, { status: 407, headers: { "proxy-authenticate": "Basic realm=p" } });
    const proxied = await read(page, { reader, path: "/via", url: "http://prices.test/via" });
    deepEqual([proxied.status, proxied.rows.length], [200, 1]);
    const locked = () =>
      new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=site" } });
    const refused = await read(locked, { reader, path: "/in", url: "http://prices.test/in" });
    equal(refused.status, 401);
    const told = site.requests.slice(before).map(({ headers }) => headers.get("authorization"));
    deepEqual([...new Set(told)], [null]);
    const direct = createPageReader({
      ...{ pool, settleMs: 100 },
      proxy: { httpProxy: "http://127.0.0.1:1", noProxy: "127.0.0.1" },
    });
    equal((await read(() => html(ROW), { reader: direct })).rows.length, 1);
  },
);

browserTest("page reader: names a selector that is none before it asks anybody", async () => {
  const { site } = await scene();
  const before = site.requests.length;
  const columns = { variety: "td:nth-child(" };
  const error = await failure(read(() => html(""), { columns }));
  deepEqual([error.failure, error.problem], [
    ...["bad_selector", '"td:nth-child(" is no CSS selector'],
  ]);
  equal(site.requests.length, before);
});

browserTest("page reader: a page larger than anything is refused, not cut", async () => {
  const page = () => html(`${ROW}<!--${"x".repeat(9_000_000)}-->`);
  equal((await failure(read(page))).failure, "too_large");
});

browserTest(
  "page reader: no question, window, download or prototype of a page stops it",
  async () => {
    const page = () =>
      html(`${ROW}<script>
alert("a"); confirm("b"); open("about:blank");
Array.prototype.toJSON = () => "x";
Object.prototype.toJSON = () => "y";
const link = document.createElement("a");
link.href = URL.createObjectURL(new Blob(["x"])); link.download = "x"; link.click();
onbeforeunload = (event) => event.preventDefault();
</script>`);
    deepEqual((await read(page)).rows, [{ variety: "rb", spread: "1" }]);
  },
);

browserTest(
  "page reader: a browser that dies fails its page, the next has another",
  async () => {
    const { browser, site } = await scene();
    const first = browser();
    const reading = read(async () => {
      await first?.close();
      return await site.hang();
    });
    const error = await failure(reading);
    deepEqual([error.failure, error.retryable, error.problem], [
      ...["crashed", true, "the browser died"],
    ]);
    equal((await read(() => html(ROW))).rows.length, 1);
    ok(browser() !== first);
  },
);
