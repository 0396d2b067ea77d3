import assert from "node:assert/strict";
import { DefaultLogger, MainClient, WebsocketClient } from "binance";
import binanceApiNode from "binance-api-node";
import NodeBinanceApi from "node-binance-api";
import { type ClientProgram, startClientProgram } from "../support/client_program.ts";

let opened: Promise<ClientProgram> | undefined;
const openOnce = () => opened ??= startClientProgram();
Deno.test.afterAll(async () => await (await opened)?.close());

/** Open time, open, high, low, close and volume. */
type Values = readonly (number | string)[];

/** What a program does with its client of Binance; each for one of the packages. */
interface Client {
  /** Oldest first, from the start on. */
  klines(start: number, limit: number): Promise<readonly Values[]>;
  symbols(): Promise<readonly string[]>;
  /** Fails as the package fails. */
  unknownSymbol(): Promise<unknown>;
  /** The next closed minute of a stream. */
  streamed(): Promise<Values>;
  close(): void;
}

const quiet = { ...DefaultLogger, info() {}, error() {}, trace() {} };

function binance({ address, wsAddress }: ClientProgram): Client {
  const client = new MainClient({ baseUrl: `${address}/compat/binance`, disableTimeSync: true });
  const wsUrl = `${wsAddress}/compat/binance`;
  const sockets = new WebsocketClient({ beautify: true, wsUrl }, quiet);
  return {
    async klines(startTime, limit) {
      const rows = await client.getKlines({
        ...{ symbol: "BTCUSDT", interval: "1m", startTime, limit },
      });
      return rows.map((row) => row.slice(0, 6));
    },
    symbols: async () => (await client.getExchangeInfo()).symbols.map(({ symbol }) => symbol),
    unknownSymbol: () => client.getKlines({ symbol: "XYZUSDT", interval: "1m" }),
    streamed: () =>
      new Promise((resolve) => {
        sockets.on("formattedMessage", (message) => {
          if (Array.isArray(message) || message.eventType !== "kline") return;
          const { startTime, open, high, low, close, volume } = message.kline;
          resolve([startTime, open, high, low, close, volume]);
        });
        void sockets.subscribeKlines("BTCUSDT", "1m", "spot");
      }),
    close: () => sockets.closeAll(true),
  };
}

function apiNode({ address, wsAddress }: ClientProgram): Client {
  const client = binanceApiNode.default({
    httpBase: `${address}/compat/binance`,
    wsBase: `${wsAddress}/compat/binance/ws`,
  });
  let stop = () => {};
  return {
    async klines(startTime, limit) {
      const rows = await client.candles({
        ...{ symbol: "BTCUSDT", interval: "1m", startTime, limit },
      });
      return rows.map(({ openTime, open, high, low, close, volume }) => [
        ...[openTime, open, high, low, close, volume],
      ]);
    },
    symbols: async () => Object.keys(await client.prices()),
    unknownSymbol: () => client.candles({ symbol: "XYZUSDT", interval: "1m" }),
    streamed: () =>
      new Promise((resolve) => {
        stop = client.ws.candles("BTCUSDT", "1m", (candle) => {
          const { startTime, open, high, low, close, volume } = candle;
          resolve([startTime, open, high, low, close, volume]);
        });
      }),
    close: () => stop(),
  };
}

function nodeBinanceApi({ address, wsAddress }: ClientProgram): Client {
  const client = new NodeBinanceApi({
    urls: {
      base: `${address}/compat/binance/api/`,
      stream: `${wsAddress}/compat/binance/ws/`,
      combineStream: `${wsAddress}/compat/binance/stream?streams=`,
    },
    log: () => {},
  });
  return {
    async klines(startTime, limit) {
      const rows = await client.candlesticks("BTCUSDT", "1m", { startTime, limit });
      return rows.map(({ openTime, open, high, low, close, volume }) => [
        ...[openTime, open, high, low, close, volume],
      ]);
    },
    symbols: async () => Object.keys(await client.prices()),
    unknownSymbol: () => client.candlesticks("XYZUSDT", "1m"),
    streamed: () =>
      new Promise((resolve) => {
        client.websockets.candlesticks(["BTCUSDT"], "1m", ({ k }) => {
          resolve([k.t, k.o, k.h, k.l, k.c, k.v]);
        });
      }),
    close: () => {
      for (const name of Object.keys(client.websockets.subscriptions())) {
        client.websockets.terminate(name);
      }
    },
  };
}

const CLIENTS = {
  binance,
  "binance-api-node": apiNode,
  "node-binance-api": nodeBinanceApi,
} as const;

for (const [name, connect] of Object.entries(CLIENTS)) {
  Deno.test(`${name}: reads klines and symbols, follows a stream, understands a refusal`, async () => {
    const program = await openOnce();
    const client = connect(program);
    try {
      const rows = await client.klines(program.start, 1_000);
      const numbers = (values: Values | undefined) => values?.slice(0, 6).map(Number);
      assert.equal(rows.length, 1_000);
      for (const row of rows) {
        assert.deepEqual(numbers(row), numbers(program.expected(Number(row[0]))));
      }
      assert.deepEqual(await client.symbols(), ["BTCUSDT"]);
      await assert.rejects(client.unknownSymbol(), (error) => {
        assert.match(Deno.inspect(error), /Invalid symbol/);
        return true;
      });
      const streamed = await program.feedUntil(client.streamed());
      assert.deepEqual(numbers(streamed), numbers(program.expected(Number(streamed[0]))));
    } finally {
      client.close();
    }
  });
}
