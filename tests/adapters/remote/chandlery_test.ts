import assert from "node:assert/strict";
import { openRunningInstallation } from "@/adapters/remote/chandlery.ts";
import { systemClock } from "@/adapters/clock.ts";
import { openApp, TOKENS } from "@/tests/support/app.ts";

Deno.test("running installation: a series that is added again stays watched as it was", async () => {
  const app = await openApp();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request, info) => app.app.fetch(request, info),
  );
  try {
    const installation = openRunningInstallation({
      address: `http://127.0.0.1:${server.addr.port}`,
      ...{ token: TOKENS.admin, clock: systemClock },
      findOrphans: () => Promise.resolve([]),
    });
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
    await server.shutdown();
    await app.close();
  }
});
