import assert from "node:assert/strict";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { createBarStreams } from "@/routes/bar_streams.ts";
import { createBarReader } from "@/routes/bars.ts";
import { createSeriesDirectory } from "@/routes/series_directory.ts";
import { openApp, type TestApp } from "@/tests/support/app.ts";
import { candle } from "@/tests/support/candles.ts";
import { hold } from "@/tests/support/hold.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const MINUTE = 60_000;
const NOW = new Date();
/** In one period with all that follows it, whatever day it is: a period is an event, and told by itself. */
const START = Date.UTC(NOW.getUTCFullYear(), NOW.getUTCMonth() - 1, 2);
const SERIES = "binance:BTC/USDT:1m";

const at = (minute: number) => candle({ openTime: START + minute * MINUTE });

interface Scene {
  readonly app: TestApp;
  readonly warnings: readonly string[];
  /** So many of the next reads of candles fail. */
  breakReads(count: number): void;
  /** Follows the minutes; answers the minutes told since the last call, once there are so many. */
  follow(): Promise<{ told(count: number): Promise<readonly number[]>; stop(): void }>;
}

/** Streams over a house whose candles can be made unreadable. */
async function withStreams(test: (scene: Scene) => Promise<void>): Promise<void> {
  const app = await openApp({ settings: { openCandle: false } });
  const warnings: string[] = [];
  const { deps } = app;
  let broken = 0;
  const reader: typeof deps.reader = {
    ...deps.reader,
    read(query, signal) {
      if (broken-- <= 0) return deps.reader.read(query, signal);
      const failure = { port: "lake", op: "read", retryable: true } as const;
      return Promise.reject(new AdapterError("the file cannot be read", failure));
    },
  };
  const directory = createSeriesDirectory(deps);
  const log = { ...quietLog, warn: (message: string) => void warnings.push(message) };
  const bars = createBarReader({ ...deps, reader });
  const streams = createBarStreams({ ...deps, bars, directory, log });
  try {
    await hold(app, SERIES, [at(0)]);
    await test({
      app,
      warnings,
      breakReads: (count) => broken = count,
      async follow() {
        const news: number[] = [];
        let wake = () => {};
        const [series] = await directory.list();
        if (series === undefined) throw new Error("nothing is held");
        const stop = streams.follow(series, "1m", ([openTime]) => {
          news.push((openTime - START) / MINUTE);
          wake();
        });
        return {
          stop,
          async told(count) {
            while (news.length < count) await new Promise<void>((resolve) => wake = resolve);
            return news.splice(0);
          },
        };
      },
    });
  } finally {
    await app.close();
  }
}

Deno.test("bar streams: what could not be read is told with the next candle, none is left out", async () => {
  await withStreams(async ({ app, warnings, breakReads, follow }) => {
    const { told } = await follow();
    breakReads(1);
    await hold(app, SERIES, [at(1)]);
    await hold(app, SERIES, [at(2)]);
    assert.deepEqual(await told(2), [1, 2]);
    assert.deepEqual(warnings, ["new candles could not be read for streams"]);
  });
});

Deno.test("bar streams: of what comes at once the newest 500 are told", async () => {
  await withStreams(async ({ app, follow }) => {
    const { told } = await follow();
    const lines = Array.from({ length: 800 }, (_, i) => {
      const tags = "c,exchange=binance,symbol=BTC/USDT,interval=1m";
      return `${tags} open=1,high=1,low=1,close=1,volume=1 ${START + (i + 1) * MINUTE}`;
    });
    const body = lines.join("\n");
    await app.ask("POST", "/api/v2/write?precision=ms", { as: "writer", body });
    const minutes = await told(500);
    assert.deepEqual([minutes.at(0), minutes.at(-1), minutes.length], [301, 800, 500]);
  });
});

Deno.test("bar streams: who follows a series later hears what comes then, who has stopped hears nothing", async () => {
  await withStreams(async ({ app, follow }) => {
    const first = await follow();
    await hold(app, SERIES, [at(1)]);
    assert.deepEqual(await first.told(1), [1]);
    const second = await follow();
    await hold(app, SERIES, [at(2)]);
    assert.deepEqual([await first.told(1), await second.told(1)], [[2], [2]]);
    first.stop();
    await hold(app, SERIES, [at(3)]);
    assert.deepEqual([await second.told(1), await first.told(0)], [[3], []]);
    second.stop();
    const third = await follow();
    await hold(app, SERIES, [at(4)]);
    assert.deepEqual([await third.told(1), await second.told(0)], [[4], []]);
  });
});
