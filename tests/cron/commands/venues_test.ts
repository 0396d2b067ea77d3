import { deepEqual, ok, rejects } from "node:assert/strict";
import { venuesOf } from "@/cron/commands/venues.ts";
import { Refusal } from "@/domain/decider.ts";
import { systemClock } from "@/adapters/clock.ts";
import { openExchanges } from "@/adapters/exchange/exchanges.ts";
import { quietLog } from "../../support/quiet_log.ts";

Deno.test("venues are ccxt's, the simulated one and sina; another is refused with what is near", async () => {
  const exchanges = openExchanges({ clock: systemClock, log: quietLog });
  try {
    const venues = venuesOf(exchanges);
    for (const known of ["kraken", "simulated", "sina"]) await venues.require(known);
    await rejects(venues.require("krakem"), (error) => {
      ok(error instanceof Refusal);
      const { code, field, details } = error;
      deepEqual([code, field], ["not_found", "exchange"]);
      deepEqual(JSON.stringify(details).includes("kraken exists"), true);
      return true;
    });
    const { signal } = new AbortController();
    await rejects(venues.resolveSymbol("sina", "RB0", signal), { code: "not_found" });
    deepEqual(await venues.resolveSymbol("simulated", "BTCUSDT", signal), "BTC/USDT");
  } finally {
    await exchanges.close();
  }
});
