import { deepEqual, equal, throws } from "node:assert/strict";
import { badNumber, readCandlePoint } from "@/domain/influx/candle_point.ts";
import { parseLine } from "@/domain/influx/line_protocol.ts";
import { formatSeries } from "@/domain/klines/series_ref.ts";
import { validateRow } from "@/domain/klines/validate.ts";
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
    START / 1000 + 59.999
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

const S = START / 1_000;
const CLOSES: readonly [fields: string, closeTime: number | null][] = [
  ["close_time=" + (START + 59_999), null],
  ["close_time=" + (START + 31_234) + "i", START + 31_234],
  ["close_time=" + (START + 31_234) + "999i", START + 31_234],
  [`close_time=${S + 31}`, START + 31_000],
  ['close_time="2024-01-01T00:00:31.234Z"', START + 31_234],
  [`stop=${S + 31.234}`, START + 31_234],
  // cryptofeed ends candles at the last moment of theirs or, of some venues, at the first of the next.
  [`stop=${S + 59.999}`, null],
  [`stop=${S + 60}.0`, null],
  [`close_time=${S + 60}`, START + 60_000],
  [`close_time=${S + 31},stop=${S + 59.999}`, START + 31_000],
];

for (const [fields, closeTime] of CLOSES) {
  Deno.test(`readCandlePoint takes the close time of ${fields}`, () => {
    const line = `c,exchange=okx,symbol=BTCUSDT,interval=1m ${OHLCV},start=${S},${fields} 1`;
    equal(read(line).candle.closeTime, closeTime);
  });
}

const NUMBERS: readonly [fields: string, flaw: string | undefined][] = [
  ["open=1,high=1,low=1,close=1,volume=1", undefined],
  ["open=1,high=1,low=1,close=1", "volume is missing"],
  ["open=1,high=1,low=1,close=1,volume=1e-30", "volume is no decimal of at most 18 decimals"],
  [
    "open=1,high=1,low=1e25,close=1,volume=1",
    "low is no decimal of at most 18 decimals and 20 integer digits",
  ],
  ["open=1,high=1,low=1,close=1,volume=1,trades=1.5", "trades_count is no whole number"],
  ["open=1,high=1,low=1,close=1,volume=1,trades=-1i", "trades_count is no whole number"],
  ['open=1,high=1,low=1,close=1,volume=1,taker_buy_volume="1-1"', "taker_buy_volume is no decimal"],
];

for (const [fields, flaw] of NUMBERS) {
  Deno.test(`badNumber of ${fields} is ${flaw}`, () => {
    const { candle } = read(`c,exchange=okx,symbol=BTCUSDT,interval=1m ${fields} ${START}000000`);
    const reason = validateRow(candle, { interval: "1m", now: START + 60_000 });
    equal(reason === "bad_number", flaw !== undefined);
    const told = badNumber(candle);
    equal(told?.slice(0, flaw?.length), flaw);
  });
}

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
  [`c,${TAGS} ${OHLCV},start=${S},close_time=${START} 1`, /bad close_time: it is not after/],
  [`c,${TAGS} ${OHLCV},start=${S},stop=${S - 60} 1`, /bad stop: it is not after the open time/],
  [`c,${TAGS} ${OHLCV},close_time="soon" 1`, /bad close_time: it is no time/],
  [`c,${TAGS} open=1,high="x",low=1,close=1,volume=1 1`, /high is no number/],
  [`c,${TAGS} open=t,high=1,low=1,close=1,volume=1 1`, /open is no number/],
];

for (const [line, reason] of REFUSED) {
  Deno.test(`readCandlePoint refuses ${line}`, () => {
    throws(() => read(line), reason);
  });
}
