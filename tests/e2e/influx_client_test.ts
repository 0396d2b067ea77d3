import assert from "node:assert/strict";
import { createRequire } from "node:module";
import * as forDeno from "@influxdata/influxdb-client";
import { trusted } from "@/events/trust.ts";
import { type ClientProgram, startClientProgram } from "../support/client_program.ts";

/** Deno takes the build for browsers; only the one for Node packs what it sends. */
const forNode = trusted<typeof forDeno>(
  createRequire(import.meta.url)("@influxdata/influxdb-client"),
);
const BUILDS = { Deno: forDeno, Node: forNode } as const;
type Build = typeof forDeno;
for (const { setLogger } of Object.values(BUILDS)) setLogger({ error() {}, warn() {} });

const MINUTE = 60_000;
const START = Date.UTC(2024, 0, 1);
let opened: Promise<ClientProgram> | undefined;
const openOnce = () => opened ??= startClientProgram();
Deno.test.afterAll(async () => await (await opened)?.close());

function point({ Point }: Build, symbol: string, i: number, high = 102): forDeno.Point {
  return new Point("candles").tag("exchange", "okx").tag("symbol", symbol).tag("interval", "1m")
    .floatField("open", 100.25).floatField("high", high).floatField("low", 99.5)
    .floatField("close", 101).floatField("volume", 0.5).intField("trades_count", i)
    .timestamp(new Date(START + i * MINUTE));
}

/** Without retries: a refusal is a refusal. In one batch: closing does not wait for those before the last. */
function writeApi({ InfluxDB }: Build, { address, token }: ClientProgram): forDeno.WriteApi {
  const influx = new InfluxDB({ url: address, token });
  return influx.getWriteApi("org", "bucket", "ms", { maxRetries: 0, batchSize: 5_000 });
}

async function held(program: ClientProgram, symbol: string): Promise<number[][]> {
  await program.settled();
  const query = `exchange=okx&symbol=${symbol}&interval=1m&start=2024-01-01&limit=10000`;
  return (await (await program.get(`/api/v1/klines?${query}`)).json()).data ?? [];
}

for (const [name, build] of Object.entries(BUILDS)) {
  Deno.test(`influxdb-client for ${name}: points become candles`, async () => {
    const program = await openOnce();
    const symbol = `${name.toUpperCase()}-USDT`;
    const api = writeApi(build, program);
    api.writePoints(Array.from({ length: 2_000 }, (_, i) => point(build, symbol, i)));
    await api.close();
    const rows = await held(program, symbol);
    const expected = Array.from({ length: 2_000 }, (_, i) => [
      ...[START + i * MINUTE, 100.25, 102, 99.5, 101, 0.5, i],
    ]);
    const seen = rows.map((row) => [...row.slice(0, 6), row[8]]);
    assert.deepEqual(seen, expected);
  });

  Deno.test(`influxdb-client for ${name}: of a batch with a bad point the good ones are kept, and it says which`, async () => {
    const program = await openOnce();
    const symbol = `BAD${name.toUpperCase()}-USDT`;
    const api = writeApi(build, program);
    api.writePoints([0, 1, 2].map((i) => point(build, symbol, i, i === 1 ? 1 : 102)));
    await assert.rejects(api.close(), (error) => {
      assert.equal(error instanceof build.HttpError && error.statusCode, 400);
      assert.match(String(error), /partial write: line 2: ohlc_violation dropped=1/);
      return true;
    });
    const rows = await held(program, symbol);
    assert.deepEqual(rows.map(([time = 0]) => (time - START) / MINUTE), [0, 2]);
  });

  Deno.test(`influxdb-client for ${name}: a token that nobody holds is refused`, async () => {
    const api = writeApi(build, { ...await openOnce(), token: "nobody's" });
    api.writePoint(point(build, "NO-USDT", 0));
    await assert.rejects(api.close(), (error) => {
      return error instanceof build.HttpError && error.statusCode === 401 &&
        /unauthorized/.test(error.message);
    });
  });
}
