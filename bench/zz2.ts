import { systemClock } from "@/adapters/clock.ts";
import { createSimulated } from "@/adapters/exchange/simulated.ts";
import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { wireRow } from "@/tests/support/binance_book.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
if (Deno.args[0] === "server") {
  const market = createSimulated({ clock: systemClock });
  const symbols = [{ symbol: "BTCUSDT", baseAsset: "BTC", quoteAsset: "USDT" }];
  Deno.serve({ hostname: "127.0.0.1", port: 18555, onListen() {} }, async (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.endsWith("/time")) return Response.json({ serverTime: Date.now() });
    if (pathname.endsWith("/exchangeInfo")) return Response.json({ symbols });
    const number = (name: string) => Number(searchParams.get(name));
    const page = await market.fetchCandles({
      symbol: "BTC/USDT",
      interval: "1m",
      limit: number("limit"),
      from: number("startTime"),
      to: number("endTime") + 1,
    });
    return Response.json(page.map((candle) => wireRow(candle, "1m")));
  });
} else {
  const rss = () => Math.round(Deno.memoryUsage().rss / 1e6),
    heap = () => Math.round(Deno.memoryUsage().heapTotal / 1e6);
  console.log("start", rss(), heap());
  const clock = systemClock;
  const ex = openExchanges({ clock, log: quietLog, urls: { binance: "http://127.0.0.1:18555" } });
  const v = await ex.get("binance");
  console.log("opened", rss(), heap());
  let from = Date.now() - 300000 * 60000;
  const t = performance.now();
  for (let i = 0; i < 300; i++) {
    const p = await v.fetchCandles({
      symbol: "BTC/USDT",
      interval: "1m",
      from,
      to: from + 1000 * 60000,
      limit: 1000,
      priority: "history",
    });
    from += 1000 * 60000;
    if (i % 50 === 0) console.log(i, rss(), heap(), p.length);
  }
  console.log("done", rss(), heap(), performance.now() - t);
  await ex.close();
}
