import { inRange, toCandle } from "@/adapters/exchange/venue_candle.ts";
import { createSimulated } from "@/adapters/exchange/simulated.ts";
import { systemClock } from "@/adapters/clock.ts";
import { wireRow } from "@/tests/support/binance_book.ts";
import { csvLines } from "@/cron/candle_csv.ts";
const market = createSimulated({ clock: systemClock });
const from = Date.UTC(2024, 0, 1), to = from + 1000 * 60000;
const text = JSON.stringify(
  (await market.fetchCandles({ symbol: "BTC/USDT", interval: "1m", from, to, limit: 1000 })).map(
    (c) => wireRow(c, "1m"),
  ),
);
const m = () => {
  const u = Deno.memoryUsage();
  return `rss ${Math.round(u.rss / 1e6)} total ${Math.round(u.heapTotal / 1e6)} used ${
    Math.round(u.heapUsed / 1e6)
  }`;
};
console.log(text.length, m());
const mode = Deno.args[0];
const t = performance.now();
let n = 0;
for (let i = 0; i < 1000; i++) {
  const rows = JSON.parse(text);
  if (mode === "parse") {
    n += rows.length;
    continue;
  }
  const c = rows.map((r: unknown[]) => toCandle(r, "1m"));
  if (mode === "candle") {
    n += c.length;
    continue;
  }
  const p = inRange(c, { symbol: "", interval: "1m", from, to, limit: 1000 });
  if (mode === "range") {
    n += p.length;
    continue;
  }
  n += csvLines(p).length;
  if (i % 100 === 0) await new Promise((r) => setTimeout(r, 0));
}
console.log(mode, m(), ((performance.now() - t) / 1000).toFixed(3), "ms/page", n);
