import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createBrowserPool } from "@/adapters/browser/browser_pool.ts";
import { launchBrowser } from "@/adapters/browser/open_browser.ts";
import { createPageReader } from "@/adapters/browser/page_reader.ts";
import type { PageRows } from "@/domain/ports/page_reader.ts";
import { credential } from "@/tests/support/open_sites.ts";
import { html, type PageSite, startSite } from "@/tests/support/page_site.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import { BROWSER, browserFolder, browserTest, openChromium } from "@/tests/support/real_browser.ts";

const ROW = `<table><tr class="product"><td class="variety">rb</td></tr></table>`;

interface Guarded {
  readonly site: PageSite;
  /** Another site on this machine. */
  readonly other: PageSite;
  /** Reads `/` of the site, or of a name behind a proxy. */
  read(body: string | Response, url?: string): Promise<PageRows>;
}

async function guarded(run: (scene: Guarded) => Promise<void>): Promise<void> {
  const [folder, site, other] = [await browserFolder(), startSite(), startSite()];
  const pool = createBrowserPool({ open: () => openChromium(folder.path), log: quietLog });
  try {
    await run({
      ...{ site, other },
      async read(body, url) {
        site.pages.set("/", () => body instanceof Response ? body : html(body));
        const proxy = url === undefined ? {} : { httpProxy: site.url };
        // However long the browser takes: what is waited for comes in each of these.
        const times = { drawMs: 1e9, settleMs: 100, timeoutMs: 30_000 };
        const reader = createPageReader({ pool, proxy, ...times });
        return await reader.read({
          ...{ url: url ?? `${site.url}/`, cookie: credential("session=abc") },
          ...{ rows: "tr.product", columns: { variety: "td.variety" }, empty: "p.empty" },
          signal: new AbortController().signal,
        });
      },
    });
  } finally {
    await pool.close();
    await Promise.all([site.close(), other.close(), folder.remove()]);
  }
}

browserTest(
  "page guard: a page that leads to another site wants a login, and is not followed",
  async () => {
    await guarded(async ({ read, other }) => {
      other.pages.set("/login", () => html(`${ROW}<input type="password">`));
      const location = `${other.url}/login`;
      const moved = await read(new Response(null, { status: 302, headers: { location } }));
      deepEqual([moved.rows, moved.wantsLogin], [[], true]);
      const byScript = await read(`<script>location.href = "${location}"</script>`);
      deepEqual([byScript.rows, byScript.wantsLogin], [[], true]);
      const after = await read(`${ROW}<script>location.href = "${location}"</script>`);
      deepEqual([after.rows, after.wantsLogin], [[{ variety: "rb" }], false]);
      deepEqual(other.requests, []);
    });
  },
);

browserTest(
  "page guard: a page asks no machine of our own networks but the one that it is on",
  async () => {
    await guarded(async ({ read, site, other }) => {
      other.pages.set("/moved", () => new Response("never"));
      site.pages.set("/own", () => new Response("own"));
      site.pages.set("/hop", () => Response.redirect(`${other.url}/hop`));
      // Its row comes when all that it asked for has been answered or refused.
      const asks = (own: string) => {
        const elsewhere = [`${other.url}/a`, `${other.url.replace("127.0.0.1", "localhost")}/b`];
        const urls = JSON.stringify([...elsewhere, `${own}/own`, "/hop"]);
        return `<script>
const asked = ${urls}.map((url) => fetch(url, { mode: "no-cors" }));
const ended = (of) => new Promise((resolve) => of.onload = of.onerror = resolve);
const image = new Image();
const frame = document.createElement("iframe");
asked.push(ended(image), ended(frame));
image.src = "${other.url}/c";
frame.src = "${other.url}/d";
document.documentElement.append(frame);
Promise.allSettled(asked).then(() => document.body.innerHTML = ${JSON.stringify(ROW)});
</script>`;
      };
      equal((await read(asks(site.url))).rows.length, 1);
      ok(site.requests.some(({ path }) => path === "/own"));
      deepEqual(other.requests, []);
      // One that is not on this machine asks nothing of it at all.
      const before = site.requests.length;
      equal((await read(asks(site.url), "http://prices.test/")).rows.length, 1);
      const asked = site.requests.slice(before).map(({ path }) => path);
      deepEqual(asked.filter((path) => !path.startsWith("/favicon")).toSorted(), ["/", "/hop"]);
      deepEqual(other.requests, []);
    });
  },
);

browserTest(
  "launchBrowser: without a sandbox where there is none, and the log says so",
  async () => {
    const folder = await browserFolder();
    const said: string[] = [];
    const log = { ...quietLog, warn: (message: string) => void said.push(message) };
    // Starts as Chromium does in a container.
    const path = `${folder.path}/chromium.sh`;
    const refusal = 'echo "FATAL: No usable sandbox! If you are running on Ubuntu" >&2; exit 1';
    await Deno.writeTextFile(
      path,
      `#!/bin/sh\ncase " $* " in *" --no-sandbox "*) exec ${BROWSER} "$@";; esac\n${refusal}\n`,
    );
    await Deno.chmod(path, 0o755);
    const opened = await launchBrowser({ path, directory: folder.path, log, sandbox: true });
    match(await opened.browser.version(), /Chrom/);
    match(said.join(), /no sandbox here/);
    await opened.close();
    await folder.remove();
  },
);
