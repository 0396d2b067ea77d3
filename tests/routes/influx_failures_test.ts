import { deepEqual, equal } from "node:assert/strict";
import { OpenAPIHono } from "@hono/zod-openapi";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { AppEnv } from "@/routes/envelope.ts";
import { createJudge } from "@/routes/errors.ts";
import { addInfluxRoutes } from "@/routes/influx.ts";
import { UNLIMITED } from "@/tests/support/app.ts";
import { utc } from "@/tests/support/candles.ts";
import { fakeClock, settle } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const START = utc("2024-01-01");

const VENUES = {
  isSimulated: () => false,
  resolveSymbol: (_exchange: string, symbol: string) => Promise.resolve(symbol),
};

const SETTINGS = {
  ...{ metrics: "admin", timeZone: "UTC", marketData: "open", rateLimits: UNLIMITED } as const,
  ...{ trustProxy: 0, simulated: false, openCandle: true, version: "0", fingerprintKey: "test" },
};

const OUTCOME = {
  ...{ ingested: 1, revised: 0, unchanged: 0, heldBetter: 0, rejectedTotal: 0, rejected: [] },
  ...{ position: 1, visible: true },
};

function lines(series: number): string {
  return Array.from(
    { length: series },
    (_, n) =>
      `candles,exchange=okx,symbol=S${n}-USDT,interval=1m open=1,high=1,low=1,close=1 60000`,
  ).join("\n");
}

Deno.test("influx: writes share the connections, and nothing is written after a failure's answer", async () => {
  const writes: PromiseWithResolvers<typeof OUTCOME>[] = [];
  const ingest = {
    ingestFiles: () => Promise.reject(new Error("no files here")),
    ingestCandles() {
      const write = Promise.withResolvers<typeof OUTCOME>();
      writes.push(write);
      return write.promise;
    },
  };
  const app = new OpenAPIHono<AppEnv>();
  const deps = {
    ...{ ingest, log: quietLog, clock: fakeClock(START), signal: new AbortController().signal },
    venues: { ...VENUES, require: () => Promise.resolve(), ids: () => Promise.resolve(["okx"]) },
    spool: { write: () => Promise.reject(new Error("no files here")) },
    settings: { ...SETTINGS, connectionsForWrites: 3 },
  };
  addInfluxRoutes({ app, guard: () => {}, judge: createJudge(deps) }, deps);
  const write = () =>
    app.request("/api/v2/write?precision=ms", { method: "POST", body: lines(20) });
  let answered = 0;
  const both = [write(), write()].map(async (answer) => (await answer, answered++, answer));
  await settle(500);
  equal(writes.length, 3);
  const down = { port: "database", op: "append", retryable: true, hint: "" };
  for (const one of writes.slice(0, 2)) one.reject(new AdapterError("down", down));
  await settle(500);
  equal(answered, 0);
  for (const one of writes.slice(2)) one.reject(new AdapterError("down", down));
  const statuses = await Promise.all(both.map(async (answer) => (await answer).status));
  await settle(500);
  deepEqual([statuses, answered, writes.length], [[503, 503], 2, 5]);
});
