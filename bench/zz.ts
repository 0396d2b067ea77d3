import { systemClock } from "@/adapters/clock.ts";
import { createSimulated } from "@/adapters/exchange/simulated.ts";
import { wireRow } from "@/tests/support/binance_book.ts";
import { startService } from "./service.ts";
const market = createSimulated({ clock: systemClock });
const symbols = [{ symbol: "BTCUSDT", baseAsset: "BTC", quoteAsset: "USDT" }];
let pages = 0;
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname.endsWith("/time")) return Response.json({ serverTime: Date.now() });
  if (pathname.endsWith("/exchangeInfo")) return Response.json({ symbols });
  const number = (name: string) => Number(searchParams.get(name));
  pages++;
  const page = await market.fetchCandles({
    symbol: "BTC/USDT",
    interval: "1m",
    limit: number("limit"),
    from: number("startTime"),
    to: number("endTime") + 1,
  });
  return Response.json(page.map((candle) => wireRow(candle, "1m")));
});
const env: Record<string, string> = {
  EXCHANGE_URLS: `{"binance":"http://127.0.0.1:${server.addr.port}"}`,
  HOT_DAYS: Deno.args[1] ?? "365",
};
const f = await startService({ env });
await f.stop();
const s = await startService({ env, dataDir: f.dataDir });
const rss = async () =>
  Math.round(
    Number(/VmRSS:\s+(\d+) kB/.exec(await Deno.readTextFile(`/proc/${s.pid}/status`))?.[1]) / 1000,
  );
await new Promise((r) => setTimeout(r, 3000));
console.log("before", await rss());
const maps = async (tag: string) => {
  const text = await Deno.readTextFile(`/proc/${s.pid}/smaps`);
  const out: Record<string, number> = {};
  let cur = "", size = 0;
  for (const line of text.split("\n")) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) cur = line.split(/\s+/).slice(5).join(" ");
    else if (line.startsWith("Size:")) size = Number(line.split(/\s+/)[1]);
    else if (line.startsWith("Rss:")) {
      const r = Number(line.split(/\s+/)[1]);
      const k = cur
        ? (cur.includes("duckdb") ? "libduckdb" : cur.includes("deno") ? "deno" : cur)
        : size > 100000
        ? "anon>100MB(wasm)"
        : size === 65516
        ? "arena64"
        : size > 20000
        ? "anon 20-100MB"
        : size > 1000
        ? "anon 1-20MB"
        : size === 256 || size === 252
        ? "v8page"
        : "anon<1MB";
      out[k] = (out[k] ?? 0) + r;
    }
  }
  console.log(
    tag,
    Object.entries(out).filter(([, r]) => r > 5000).map(([k, r]) => `${k}=${Math.round(r / 1000)}`)
      .join("  "),
  );
};
await maps("before");
const t0 = performance.now();
const { job_id } = await s.post(
  "/admin/crawl",
  JSON.stringify({
    series: "binance:BTC/USDT:1m",
    since: Date.now() - Number(Deno.args[0]) * 60000,
  }),
  "application/json",
);
let last = 0;
for (;;) {
  await new Promise((r) => setTimeout(r, 1000));
  const j = (await (await fetch(`${s.base}/admin/jobs/${job_id}`, {
    headers: { authorization: `Bearer ${s.token}` },
  })).json()).data;
  console.log(
    ((performance.now() - t0) / 1000).toFixed(0),
    "s rss",
    await rss(),
    "done",
    j.done,
    "/",
    j.total,
    "pages",
    pages,
    j.status,
  );
  if (j.status !== "running") {
    console.log(j);
    await maps("after");
    break;
  }
}
await s.stop();
await s.remove();
await server.shutdown();
