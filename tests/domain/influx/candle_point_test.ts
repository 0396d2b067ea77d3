import { deepEqual, equal, throws } from "node:assert/strict";
import { readCandlePoint } from "@/domain/influx/candle_point.ts";
import { parseLine } from "@/domain/influx/line_protocol.ts";
import { formatSeries } from "@/domain/klines/series_ref.ts";
import { utc } from "@/tests/support/candles.ts";

const START = utc("2024-01-01");
const OHLCV = "open=100.10,high=102,low=99,close=101,volume=0.5";

function read(line: string, how: { precision?: "ns" | "us" | "s"; exchange?: string } = {}) {
  const { precision = "ns", exchange } = how;
  const point = parseLine(line);
  if (point === undefined) throw new Error("no point");
  return readCandlePoint(point, { precision, exchange });
}

Deno.test("readCandlePoint takes cryptofeed's candles by the field start, not by when they came", () => {
  const line = `candles-BINANCE,symbol=BTC-USDT,interval=1m start=${START / 1000}.0,stop=${
    START / 1000 + 59.99
  },trades=17,${OHLCV},timestamp=1.5,receipt_timestamp=1.6 1704067261123456`;
  const { series, candle } = read(line, { precision: "us" });
  equal(formatSeries(series), "binance:BTC/USDT:1m");
  deepEqual(candle, {
    ...{ openTime: START, open: "100.1", high: "102", low: "99", close: "101", volume: "0.5" },
    ...{ closeTime: null, quoteVolume: null, tradesCount: 17 },
    ...{ takerBuyVolume: null, takerBuyQuoteVolume: null },
  });
});

const NAMES: readonly [line: string, exchange: string | undefined, series: string][] = [
  ["c,exchange=okx,symbol=BTC/USDT,interval=1h", "kraken", "okx:BTC/USDT:1h"],
  ["candles-OKX,exchange=kraken,symbol=BTCUSDT,interval=1h", "x", "kraken:BTC/USDT:1h"],
  ["candles-KRAKEN,symbol=ETH-USD,interval=1d", "okx", "kraken:ETH/USD:1d"],
  ["ohlcv,symbol=BTC/USDT:USDT,interval=1M", "okx", "okx:BTC/USDT:USDT:1M"],
  [
    "candles-BINANCE_FUTURES,symbol=BTC-USDT-PERP,interval=1m",
    undefined,
    "binanceusdm:BTC/USDT:USDT:1m",
  ],
  ["candles-HUOBI,symbol=BTC-USDT,interval=1m", undefined, "htx:BTC/USDT:1m"],
];

for (const [line, exchange, series] of NAMES) {
  Deno.test(`readCandlePoint finds ${series} in ${line} with exchange=${exchange}`, () => {
    const found = read(`${line} ${OHLCV} 1`, exchange === undefined ? {} : { exchange });
    equal(formatSeries(found.series), series);
  });
}

Deno.test("readCandlePoint takes the line's timestamp in its precision where no start is given", () => {
  const tags = "c,exchange=okx,symbol=BTCUSDT,interval=1m";
  for (const [precision, factor] of [["ns", 1_000_000n], ["us", 1_000n]] as const) {
    const line = `${tags} ${OHLCV} ${BigInt(START) * factor}`;
    equal(read(line, { precision }).candle.openTime, START);
  }
  equal(read(`${tags} ${OHLCV} ${START / 1000}`, { precision: "s" }).candle.openTime, START);
});

Deno.test("readCandlePoint takes the detail of a candle, also exact decimals in quotes", () => {
  const detail =
    'quote_volume="50.000000000000000001",trades_count=3i,taker_buy_volume=0.1,taker_buy_quote_volume=10';
  const line = `c,exchange=okx,symbol=BTCUSDT,interval=1m ${OHLCV},${detail} 1`;
  const { quoteVolume, tradesCount, takerBuyVolume, takerBuyQuoteVolume } = read(line).candle;
  deepEqual([quoteVolume, tradesCount, takerBuyVolume, takerBuyQuoteVolume], [
    ...["50.000000000000000001", 3, "0.1", "10"],
  ]);
});

const TAGS = "exchange=okx,symbol=BTCUSDT,interval=1m";
const REFUSED: readonly [line: string, reason: RegExp][] = [
  ['trades-OKX,symbol=BTC-USDT side="buy",price=1,amount=2 1', /only candles/],
  [`c,symbol=BTCUSDT,interval=1m ${OHLCV} 1`, /missing tag exchange/],
  [`c,exchange=okx,interval=1m ${OHLCV} 1`, /missing tag symbol/],
  [`c,exchange=okx,symbol=BTCUSDT ${OHLCV} 1`, /missing tag interval/],
  [`c,exchange=okx,symbol=BTCUSDT,interval=2m ${OHLCV} 1`, /not one of 1s/],
  [`c,exchange=o/../x,symbol=BTCUSDT,interval=1m ${OHLCV} 1`, /not an exchange id/],
  [`c,exchange=okx,symbol=../etc,interval=1m ${OHLCV} 1`, /not a symbol/],
  [`c,${TAGS} ${OHLCV}`, /bad timestamp/],
  [`c,${TAGS} ${OHLCV},start="soon" 1`, /bad timestamp/],
  [`c,${TAGS} open=1,high="x",low=1,close=1,volume=1 1`, /high is no number/],
  [`c,${TAGS} open=t,high=1,low=1,close=1,volume=1 1`, /open is no number/],
];

for (const [line, reason] of REFUSED) {
  Deno.test(`readCandlePoint refuses ${line}`, () => {
    throws(() => read(line), reason);
  });
}
