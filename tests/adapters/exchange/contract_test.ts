import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { createSimulated } from "@/adapters/exchange/simulated.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { exchangeContract } from "@/tests/contract/exchange.ts";
import { bookKey, startBinance } from "@/tests/support/binance_server.ts";
import { wireRow } from "@/tests/support/binance_book.ts";
import { startBitvavo } from "@/tests/support/bitvavo_server.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { leapingClock } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const START = utc("2024-03-01");
const MINUTE = 60_000;
/** Our own clock is an hour slow: only the venue knows what has closed. */
const OUR_CLOCK = () => leapingClock(START + 30 * MINUTE - 3_600_000);

/** Minutes with a hole of five, the last one still running. */
function minutes(detail: boolean): Candle[] {
  const slots = Array.from({ length: 30 }, (_, i) => i).filter((i) => i < 12 || i >= 17);
  return slots.map((i) =>
    candle({
      openTime: START + i * MINUTE,
      open: "60000.1",
      high: `6000${i % 9 + 1}.75`,
      low: "59999.00000001",
      close: "60000.5",
      volume: i % 7 === 0 ? "0" : `1.${i + 1}5`,
      ...(detail
        ? {
          quoteVolume: "73000.123",
          tradesCount: i,
          takerBuyVolume: "0.5",
          takerBuyQuoteVolume: "30000.05",
        }
        : {}),
    })
  );
}

for (
  const [venue, symbol] of [["binance", "BTC/USDT"], ["binanceusdm", "BTC/USDT:USDT"]] as const
) {
  exchangeContract(`${venue} through ccxt`, async () => {
    const now = START + 30 * MINUTE;
    // The venue's own last candle is open until `now`.
    const candles = minutes(true);
    const book = new Map([
      [bookKey("BTCUSDT", "1m"), candles.map((one) => wireRow(one, "1m"))],
      [bookKey("ETHUSDT", "1m"), []],
    ]);
    const server = startBinance({ book, now: () => now - 1 });
    const exchanges = openExchanges({
      clock: OUR_CLOCK(),
      log: quietLog,
      urls: { [venue]: server.url },
    });
    return {
      exchange: await exchanges.get(venue),
      ...{ symbol, candles, now, interval: "1m" },
      ownSymbol: "BTCUSDT",
      unknown: "BTD/USDT",
      near: symbol,
      missingInterval: venue === "binance" ? undefined : "1s",
      async close() {
        await exchanges.close();
        await server.close();
      },
    };
  });
}

exchangeContract("bitvavo through ccxt's unified candles", async () => {
  const now = START + 30 * MINUTE - 1;
  const candles = minutes(false);
  const server = startBitvavo({ candles, now });
  const exchanges = openExchanges({
    clock: OUR_CLOCK(),
    log: quietLog,
    urls: { bitvavo: server.url },
  });
  return {
    exchange: await exchanges.get("bitvavo"),
    ...{ candles, now, interval: "1m", missingInterval: "1M" },
    symbol: "BTC/EUR",
    ownSymbol: "BTC-EUR",
    unknown: "BTX/EUR",
    near: "BTC/EUR",
    async close() {
      await exchanges.close();
      await server.close();
    },
  };
});

exchangeContract("simulated", async () => {
  const now = START + 30 * MINUTE - 20_000;
  const exchange = createSimulated({ clock: leapingClock(now), seed: 7, listedAt: START });
  const asked = { symbol: "BTC/USDT", interval: "1m", from: 0, to: now, limit: 1000 } as const;
  return {
    ...{ exchange, now, interval: "1m", symbol: "BTC/USDT", ownSymbol: "BTCUSDT" },
    unknown: "no such thing",
    near: "BTC/USDT",
    missingInterval: undefined,
    candles: await exchange.fetchCandles(asked),
    close: () => exchange.close(),
  };
});
