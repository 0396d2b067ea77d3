import assert from "node:assert/strict";
import { Refusal } from "@/domain/decider.ts";
import type { Candle } from "@/domain/klines/candle.ts";
import { candle } from "../../support/candles.ts";
import { accepted, csvOf, gzipped, minute, withLake } from "./lake_fixture.ts";

const DETAIL = {
  quoteVolume: "588383.09191864",
  tradesCount: 539,
  takerBuyVolume: "9.69745",
  takerBuyQuoteVolume: "324935.81156654",
};
const FULL: Candle = {
  openTime: minute(0),
  open: "33495.38",
  high: "33529.84",
  low: "33492.9",
  close: "33523.68",
  volume: "17.560776",
  closeTime: null,
  ...DETAIL,
};
const SIX: Candle = {
  ...FULL,
  quoteVolume: null,
  tradesCount: null,
  takerBuyVolume: null,
  takerBuyQuoteVolume: null,
};
const OHLCV = "33495.38000000,33529.84000000,33492.90000000,33523.68000000,17.56077600";
const REST = `${minute(1) - 1},588383.09191864,539,9.69745000,324935.81156654`;

const LAYOUTS: Record<string, { text: string; expected: Candle }> = {
  "Binance's 12 columns without a header": {
    text: `${minute(0)},${OHLCV},${REST},0\n`,
    expected: FULL,
  },
  "11 columns without a header": { text: `${minute(0)},${OHLCV},${REST}`, expected: FULL },
  "6 columns without a header": { text: `${minute(0)},${OHLCV}\n`, expected: SIX },
  "our own header": {
    text: `open_time,open,high,low,close,volume,close_time,quote_volume,trades_count,` +
      `taker_buy_volume,taker_buy_quote_volume\n${minute(0)},${OHLCV},${REST}\n`,
    expected: FULL,
  },
  "Binance Vision's header": {
    text: `open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,` +
      `taker_buy_quote_volume,ignore\n${minute(0)},${OHLCV},${REST},0\n`,
    expected: FULL,
  },
  "python-binance's header and date-time texts": {
    text: `timestamp,open,high,low,close,volume,close_time,quote_av,trades,tb_base_av,` +
      `tb_quote_av,ignore\n2024-05-01 00:00:00,${OHLCV},${REST},0\n`,
    expected: FULL,
  },
  "a camel-case header with spaces": {
    text: `Open Time,Open,High,Low,Close,Volume,closeTime,Quote Asset Volume,Number of Trades,` +
      `takerBuyBaseAssetVolume,takerBuyQuoteAssetVolume\n${minute(0)},${OHLCV},${REST}\n`,
    expected: FULL,
  },
  "columns in another order with unknown ones between": {
    text: `symbol,volume,close,low,high,open,date\n` +
      `BTC,17.560776,33523.68,33492.9,33529.84,33495.38,2024-05-01T00:00:00Z\n`,
    expected: SIX,
  },
  "semicolons and seconds": {
    text: `time;open;high;low;close;volume\n${minute(0) / 1000};${OHLCV.replaceAll(",", ";")}\n`,
    expected: SIX,
  },
  "microseconds": { text: `${minute(0)}000,${OHLCV}\n`, expected: SIX },
  "Windows line ends": { text: `${minute(0)},${OHLCV}\r\n`, expected: SIX },
  "a byte order mark and no last line end": { text: `\ufeff${minute(0)},${OHLCV}`, expected: SIX },
  "quoted fields": {
    text:
      `"open_time","open","high","low","close","volume"\r\n"${minute(0)}","33495.38","33529.84",` +
      `"33492.9","33523.68","17.560776"\r\n`,
    expected: SIX,
  },
  "blank lines around": { text: `\n\n${minute(0)},${OHLCV}\n\n`, expected: SIX },
  "a trailing comma": { text: `${minute(0)},${OHLCV},\n`, expected: SIX },
};

for (const [layout, { text, expected }] of Object.entries(LAYOUTS)) {
  for (const gzip of [false, true]) {
    Deno.test(`staging reads csv with ${layout}${gzip ? ", gzipped" : ""}`, () =>
      withLake(async ({ file, stage }) => {
        const batch = await stage([await file(text, "csv", gzip)]);
        assert.deepEqual(batch.rejected, []);
        assert.equal(batch.rows, 1);
        assert.deepEqual(await accepted(batch), [expected]);
        assert.equal(batch.carriesDetail, expected === FULL);
      }));
  }
}

Deno.test("staging reads JSON rows with columns before or after them, and keeps every digit", () =>
  withLake(async ({ file, stage }) => {
    const columns = `"columns":["open_time","open","high","low","close","volume","quote_volume"]`;
    const rows = `"rows":[[${
      minute(0)
    },"1",2.000000000000000001,1,1.50, 12345678901234567890 ,null]]`;
    for (const text of [`{${columns}, ${rows}}`, ` {${rows},\n${columns}}\n`]) {
      const batch = await stage([await file(text, "json")]);
      assert.deepEqual(await accepted(batch), [candle({
        openTime: minute(0),
        open: "1",
        high: "2.000000000000000001",
        low: "1",
        close: "1.5",
        volume: "12345678901234567890",
      })]);
    }
  }));

Deno.test("staging reads freqtrade's JSON, gzipped", () =>
  withLake(async ({ file, stage }) => {
    const text = `[[${minute(0)},10.0,12.0,9.0,11.0,5.0],[${minute(1)},10,12,9,11,1e-7]]`;
    const batch = await stage([await file(text, "freqtrade", true)]);
    assert.deepEqual(await accepted(batch), [
      candle({ openTime: minute(0) }),
      candle({ openTime: minute(1), volume: "0.0000001" }),
    ]);
    assert.deepEqual(batch.scale, { price: 0, volume: 7, quote: 0 });
  }));

Deno.test("staging reads Parquet of ours, with every column", () =>
  withLake(async ({ file, stage, lake, path }) => {
    const candles = [FULL, { ...FULL, openTime: minute(1), closeTime: minute(1) + 20_000 }];
    const first = await stage([await file(csvOf(candles))]);
    await first.compare("2024-05", {}, { source: "api", overwrite: false });
    const written = path("parquet");
    await first.writeMerged("2024-05", first.scale, written);
    const again = await stage([{ path: written, format: "parquet", gzip: false }]);
    assert.deepEqual(await accepted(again), candles);
    assert.deepEqual(again.scale, first.scale);
    await lake.describe(written);
  }));

Deno.test("staging reads nothing out of empty files", () =>
  withLake(async ({ file, stage }) => {
    for (const [text, format] of [["", "csv"], ["\n\n", "csv"], ["[]", "freqtrade"]] as const) {
      const batch = await stage([await file(text, format)]);
      assert.equal(batch.rows, 0);
      assert.deepEqual(batch.periods, []);
      assert.equal(await batch.writeRejected("/nowhere"), undefined);
    }
  }));

const UNREADABLE: Record<
  string,
  readonly ["csv" | "json" | "freqtrade" | "parquet", string | Uint8Array]
> = {
  "a csv header without prices": ["csv", "open_time,symbol,volume\n1,2,3\n"],
  "csv of three columns": ["csv", "1,2,3\n4,5,6\n"],
  "JSON that ends too early": ["json", `{"columns":["open_time"],"rows":[[1,2`],
  "JSON with text after its end": ["freqtrade", `[[1,2,3,4,5,6]] x`],
  "JSON without rows": ["json", `{"columns":["open_time"]}`],
  "JSON with a missing comma": ["freqtrade", `[[1,2,3,4,5,6] [1]]`],
  "JSON with an empty place": ["freqtrade", `[[1,2,,4,5,6]]`],
  "JSON whose columns do not match": ["json", `{"rows":[[1,2,3,4,5,6]],"columns":["open_time"]}`],
  "JSON that is a text": ["json", `"rows"`],
  "a Parquet file that is none": ["parquet", "PAR1 not really PAR1"],
};

for (const [what, [format, content]] of Object.entries(UNREADABLE)) {
  Deno.test(`staging refuses ${what}`, () =>
    withLake(async ({ file, stage }) => {
      await assert.rejects(stage([await file(content, format)]), Refusal);
    }));
}

Deno.test("staging refuses a gzip file that is cut off, and one that is none", () =>
  withLake(async ({ file, stage }) => {
    const whole = await gzipped(
      new TextEncoder().encode(LAYOUTS["microseconds"]?.text.repeat(5_000)),
    );
    for (
      const bytes of [whole.slice(0, whole.length - 20), new TextEncoder().encode("1,2,3,4,5,6\n")]
    ) {
      const { path } = await file(bytes);
      await assert.rejects(stage([{ path, format: "csv", gzip: true }]), Refusal);
    }
  }));

Deno.test("staging refuses a gzip file with one flipped bit, wherever it is, and reads none of it", () =>
  withLake(async ({ file, stage }) => {
    const lines = Array.from({ length: 3_000 }, (_, n) => `${minute(n)},10,12,9,${n % 3 + 9},${n}`);
    const whole = await gzipped(new TextEncoder().encode(lines.join("\n")));
    for (const part of [0.3, 0.6, 0.9]) {
      const damaged = whole.slice();
      const at = Math.floor(damaged.length * part);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      const { path } = await file(damaged);
      await assert.rejects(stage([{ path, format: "csv", gzip: true }]), Refusal);
    }
  }));

Deno.test("staging reads every member of a gzip file", () =>
  withLake(async ({ file, stage }) => {
    const members = await Promise.all(
      [0, 1].map((n) => gzipped(new TextEncoder().encode(`${minute(n)},10,12,9,11,5\n`))),
    );
    const { path } = await file(new Uint8Array(members.flatMap((bytes) => [...bytes])));
    const batch = await stage([{ path, format: "csv", gzip: true }]);
    assert.deepEqual(await accepted(batch), [0, 1].map((n) => candle({ openTime: minute(n) })));
  }));
