import assert from "node:assert/strict";
import { type ClientProgram, COUNT, startClientProgram } from "../support/client_program.ts";
import { connectUdf, type UdfBar } from "../support/udf_client.ts";

const MINUTE = 60_000;
let opened: Promise<ClientProgram> | undefined;
const openOnce = () => opened ??= startClientProgram();
Deno.test.afterAll(async () => await (await opened)?.close());

function values({ time, open, high, low, close, volume }: UdfBar): readonly number[] {
  return [time, open, high, low, close, volume];
}

Deno.test("a UDF datafeed: finds a symbol and draws all of its history, page by page", async () => {
  const program = await openOnce();
  const feed = connectUdf(program.address);
  const config = await feed.onReady();
  assert.deepEqual([config.supports_search, config.supports_time], [true, true]);
  const [found] = await feed.searchSymbols("btc");
  const info = await feed.resolveSymbol(found?.full_name ?? "");
  assert.deepEqual([info.has_intraday, info.minmov / info.pricescale], [true, 0.01]);
  const options = { countBack: 329, to: Math.floor(Date.now() / 1_000) };
  const minutes = await feed.allBars(info, { ...options, resolution: "1" });
  const times = Array.from({ length: COUNT }, (_, i) => program.start + i * MINUTE);
  const expected = times.map((time) => program.expected(time).slice(0, 6).map(Number));
  assert.deepEqual(minutes.map(values), expected);
  const hours = await feed.allBars(info, { ...options, resolution: "60" });
  assert.equal(hours.length, COUNT / 60);
  assert.deepEqual((await feed.newestBars(info, "1")).map(values), expected.slice(-2));
});

Deno.test("a UDF datafeed: is told what is wrong with a symbol and a resolution", async () => {
  const feed = connectUdf((await openOnce()).address);
  await assert.rejects(feed.resolveSymbol("BINANCE:NOPE"), /Cannot find symbol BINANCE:NOPE/);
  const info = await feed.resolveSymbol("BINANCE:BTCUSDT");
  const asked = feed.allBars(info, { resolution: "7", countBack: 10, to: 1_700_000_000 });
  await assert.rejects(asked, /resolution 7/);
});
