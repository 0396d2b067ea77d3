import { crawlRun, openCrawlHouse } from "@/tests/support/crawl_house.ts";
import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { systemClock } from "@/adapters/clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";
import { crawlSeries } from "@/cron/crawl_series.ts";
const m = () => {
  const u = Deno.memoryUsage();
  return `rss ${Math.round(u.rss / 1e6)} total ${Math.round(u.heapTotal / 1e6)} used ${
    Math.round(u.heapUsed / 1e6)
  } ext ${Math.round(u.external / 1e6)}`;
};
const h = await openCrawlHouse();
const ex = Deno.args[1] === "binance"
  ? openExchanges({
    clock: systemClock,
    log: quietLog,
    urls: { binance: "http://127.0.0.1:18555" },
  })
  : openExchanges({ clock: systemClock, log: quietLog });
const deps = h.crawling(ex, { historyStart: Date.now() - Number(Deno.args[0]) * 60000 });
await new Promise((r) => setTimeout(r, 500));
console.log("start", m());
let done = 0, next = 100000;
const run = crawlRun();
const progress = {
  ...run.progress,
  advance(by: number) {
    done += by;
    if (done > next) {
      next += 100000;
      (globalThis as unknown as { gc?: () => void }).gc?.();
      console.log(done, m());
    }
  },
};
const t = performance.now();
const c = await crawlSeries(deps, {
  series: { exchange: Deno.args[1] ?? "simulated", symbol: "BTC/USDT", interval: "1m" },
  mode: "all",
}, { ...run, progress });
console.log(
  c,
  m(),
  performance.now() - t,
  Math.round(c.ingested / (performance.now() - t) * 1000),
  "candles/s",
);
await ex.close();
await h.close();
Deno.exit();
