import { deepEqual, equal, match, ok } from "node:assert/strict";
import { parseCookies } from "@/adapters/browser/cookies.ts";
import { findBrowser } from "@/adapters/browser/find_browser.ts";
import { browserToRun } from "@/adapters/browser/open_browser_pool.ts";
import { pageProxy } from "@/adapters/browser/page_proxy.ts";
import { openOutside, type OutsideOptions } from "@/adapters/open_outside.ts";
import { systemClock } from "@/adapters/clock.ts";
import { credential, SELECTORS } from "@/tests/support/open_sites.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const HERE = new URL(import.meta.url).pathname;
const NOWHERE = "/nowhere/chromium";

/** What rongda lacks where everything but the browser is configured, and what the log says. */
async function lacking(browser: OutsideOptions["browser"]): Promise<[readonly string[], string[]]> {
  const said: string[] = [];
  const outside = await openOutside({
    ...{ clock: systemClock, isDemo: false, alertUrls: [], proxy: {}, exchangeUrls: {}, browser },
    log: { ...quietLog, warn: (message) => void said.push(message) },
    sourceUrls: { rongda: "http://127.0.0.1:1/" },
    sourceAccess: { rongda: { cookie: credential("a=1"), selectors: SELECTORS.page } },
    temp: { path: "/nowhere" },
  });
  const missing = outside.marketSources.get("rongda")?.missing;
  await outside.close();
  ok(missing);
  return [missing, said];
}

Deno.test("browser: one that is missing is a setting that is missing, and the log tells", async () => {
  const [missing, said] = await lacking({ isWanted: true, path: NOWHERE, ws: undefined });
  deepEqual(missing, ["BROWSER_PATH"]);
  match(said.join(), /BROWSER_PATH/);
  for (const [path, ws] of [[HERE, undefined], [NOWHERE, credential("ws://b.example")]] as const) {
    deepEqual(await lacking({ isWanted: true, path, ws }), [[], []]);
  }
});

Deno.test("browser: nobody looks for one that nothing needs", async () => {
  deepEqual(await lacking({ isWanted: false, path: NOWHERE, ws: undefined }), [
    ...[["BROWSER_PATH"], []],
  ]);
  equal(await browserToRun({ isWanted: false, path: HERE, ws: undefined }), undefined);
  equal(await browserToRun({ isWanted: true, path: HERE, ws: credential("ws://b") }), undefined);
  equal(await browserToRun({ isWanted: true, path: HERE, ws: undefined }), HERE);
});

Deno.test("browser: the first on the usual paths is taken, a path that is given alone", async () => {
  equal(await findBrowser(undefined, [NOWHERE, `${HERE}/no/folder`, "/tmp", HERE]), HERE);
  equal(await findBrowser(undefined, [NOWHERE]), undefined);
  equal(await findBrowser(NOWHERE, [HERE]), undefined);
});

Deno.test("browser: a Cookie header is taken apart as it was put together", () => {
  deepEqual(parseCookies(" a=1; __Host-b=x=y==;c=; =no; alone; d = 2 "), [
    { name: "a", value: "1" },
    { name: "__Host-b", value: "x=y==" },
    { name: "c", value: "" },
    { name: "d", value: "2" },
  ]);
  deepEqual(parseCookies(""), []);
});

Deno.test("browser: the proxy of a page is that of the settings, with what is asked without it", () => {
  const url = new URL("https://page.example/table");
  const context = (settings: Parameters<typeof pageProxy>[1]) => pageProxy(url, settings).context;
  deepEqual(context({ httpProxy: "http://p:1" }), {});
  deepEqual(context({ httpsProxy: "http://u:s@p:1", noProxy: "" }), {
    ...{ proxyServer: "http://p:1", proxyBypassList: [] },
  });
  deepEqual(context({ httpsProxy: "socks5://p:1", noProxy: "a.example, .b.example" }), {
    proxyServer: "socks5://p:1",
    proxyBypassList: ["a.example", "*.a.example", "b.example", "*.b.example"],
  });
  deepEqual(context({ httpsProxy: "http://p:1", noProxy: "page.example" }), {});
});
