import assert from "node:assert/strict";
import { openRunningInstallation } from "@/adapters/remote/chandlery.ts";
import { systemClock } from "@/adapters/clock.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { candle } from "@/tests/support/candles.ts";
import { openApp, TOKENS } from "@/tests/support/app.ts";

/** A service, and the installation that it is to its commands. */
async function serve() {
  const app = await openApp();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request, info) => app.app.fetch(request, info),
  );
  const installation = openRunningInstallation({
    address: `http://127.0.0.1:${server.addr.port}`,
    ...{ token: TOKENS.admin, clock: systemClock },
    findOrphans: () => Promise.resolve([]),
  });
  const close = async () => {
    await server.shutdown();
    await app.close();
  };
  return { app, installation, close };
}

Deno.test("running installation: a series that is added again stays watched as it was", async () => {
  const { app, installation, close } = await serve();
  try {
    const series = { exchange: "kraken", symbol: "BTC/USDT", interval: "1m" } as const;
    await app.json("POST", "/api/v1/series", { as: "admin", json: series });
    assert.equal((await installation.addSeries(series)).id, "kraken.BTC-USDT.1m");
    const [held] = await app.house.series.list();
    assert.equal(held?.watched, true);
    const other = { ...series, symbol: "ETH/USDT" };
    assert.equal((await installation.addSeries(other)).id, "kraken.ETH-USDT.1m");
    const added = await app.house.series.find("kraken.ETH-USDT.1m");
    assert.equal(added?.watched, false);
  } finally {
    await close();
  }
});

Deno.test("running installation: pages of another stored series than the first are refused", async () => {
  const { app, installation, close } = await serve();
  try {
    const series = { exchange: "kraken", symbol: "BTC/USDT", interval: "1m" } as const;
    const START = Date.UTC(2024, 0, 1);
    const candles = Array.from({ length: 10 }, (_, n) => candle({ openTime: START + n * 60_000 }));
    const doer = { actor: "test", commandId: crypto.randomUUID() };
    await app.house.ingest.ingestCandles(series, candles, { ...doer, source: "api" });
    const { signal } = new AbortController();
    const wanted = { ...series, interval: "5m" } as const;
    const { series: { interval: stored } } = await installation.findSeries(wanted);
    assert.equal(stored, "1m");
    const range = { from: START, to: START + 600_000, limit: 1 };
    const query = { series: wanted, stored, ...range, format: "csv" } as const;
    const first = await installation.readPage(query, signal);
    assert.deepEqual([first.rows, first.next], [1, START + 1]);
    const five = [candle({ openTime: START })];
    const otherDoer = { ...doer, commandId: crypto.randomUUID() };
    await app.house.ingest.ingestCandles(wanted, five, { ...otherDoer, source: "api" });
    await assert.rejects(
      installation.readPage({ ...query, from: START + 1 }, signal),
      /Cannot read on: stored 5m candles have taken the place of 1m/,
    );
  } finally {
    await close();
  }
});

Deno.test("running installation: a run that began before a restart cannot be followed, and says so", async () => {
  const data = { job_id: null, run_id: crypto.randomUUID() };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => Response.json({ success: true, data }, { status: 202 }),
  );
  try {
    const installation = openRunningInstallation({
      address: `http://127.0.0.1:${server.addr.port}`,
      ...{ token: TOKENS.admin, clock: systemClock },
      findOrphans: () => Promise.resolve([]),
    });
    const wish = { series: [], before: undefined, dryRun: false };
    const { signal } = new AbortController();
    await assert.rejects(
      installation.archive(wish, { signal, progress: silentProgress }),
      /was started anew meanwhile/,
    );
  } finally {
    await server.shutdown();
  }
});
