import assert from "node:assert/strict";
import { rebase } from "@/adapters/base_url.ts";

const ASKED = "https://api.binance.com/api/v3/klines?symbol=BTCUSDT&limit=5";

const CASES: readonly [title: string, base: string | undefined, string][] = [
  ["stays without a base", undefined, ASKED],
  ["keeps path and query", "http://127.0.0.1:99", "http://127.0.0.1:99/api/v3/klines"],
  ["ignores a trailing slash", "http://127.0.0.1:99/", "http://127.0.0.1:99/api/v3/klines"],
  ["goes below a path", "https://h/compat/binance", "https://h/compat/binance/api/v3/klines"],
  ["does not double a path", "https://h/compat/api/v3", "https://h/compat/api/v3/klines"],
  ["does not double half a path", "https://h/compat/api", "https://h/compat/api/v3/klines"],
];

for (const [title, base, expected] of CASES) {
  Deno.test(`request at another base ${title}`, () => {
    const query = expected.includes("?") ? "" : "?symbol=BTCUSDT&limit=5";
    assert.equal(rebase(new URL(ASKED), base).href, expected + query);
  });
}
