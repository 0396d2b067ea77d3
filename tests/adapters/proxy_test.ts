import assert from "node:assert/strict";
import { proxyFor, type ProxySettings } from "@/adapters/proxy.ts";
import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const HTTP = "http://proxy:1";
const HTTPS = "http://proxy:2";
const OWN = "socks5://proxy:3";

const CASES: readonly [title: string, string, ProxySettings, string | undefined][] = [
  ["goes directly without settings", "https://a.com/x", {}, undefined],
  ["takes the proxy of the scheme", "https://a.com", { httpProxy: HTTP, httpsProxy: HTTPS }, HTTPS],
  ["takes the other one for http", "http://a.com", { httpProxy: HTTP, httpsProxy: HTTPS }, HTTP],
  ["prefers the exchanges' own", "https://a.com", { httpsProxy: HTTPS, exchangeProxy: OWN }, OWN],
  [
    "leaves out a named host",
    "https://a.com",
    { httpsProxy: HTTPS, noProxy: "b.com, a.com" },
    undefined,
  ],
  [
    "leaves out its subdomains",
    "https://x.a.com",
    { exchangeProxy: OWN, noProxy: ".a.com" },
    undefined,
  ],
  [
    "keeps a host that only ends alike",
    "https://xa.com",
    { exchangeProxy: OWN, noProxy: "a.com" },
    OWN,
  ],
  [
    "leaves out a named port only",
    "http://a.com:81",
    { httpProxy: HTTP, noProxy: "a.com:80" },
    HTTP,
  ],
  ["knows the usual port", "http://a.com", { httpProxy: HTTP, noProxy: "a.com:80" }, undefined],
  ["leaves out everything", "https://a.com", { exchangeProxy: OWN, noProxy: "*" }, undefined],
  ["understands IPv6", "http://[::1]:80/", { httpProxy: HTTP, noProxy: "[::1]:80" }, undefined],
  [
    "takes an empty setting as none",
    "https://a.com",
    { exchangeProxy: "", httpsProxy: "" },
    undefined,
  ],
];

for (const [title, url, settings, expected] of CASES) {
  Deno.test(`proxy ${title}`, () => {
    assert.equal(proxyFor(new URL(url), settings), expected);
  });
}

Deno.test("exchange requests go through the exchange proxy when one is set", async () => {
  const asked: string[] = [];
  const proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    asked.push(request.url);
    return Response.json({ serverTime: 1_700_000_000_000 });
  });
  const exchanges = openExchanges({
    ...{ clock: leapingClock(0), log: quietLog },
    urls: { binance: "http://exchange.invalid/mirror" },
    proxy: { exchangeProxy: `http://127.0.0.1:${proxy.addr.port}` },
  });
  assert.equal(await (await exchanges.get("binance")).time(), 1_700_000_000_000);
  assert.deepEqual(asked, ["http://exchange.invalid/mirror/api/v3/time"]);
  await exchanges.close();
  await proxy.shutdown();
});
