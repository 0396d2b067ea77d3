import { deepEqual, equal, rejects } from "node:assert/strict";
import { watchConfigured } from "@/cron/commands/watch_configured.ts";
import { currentSeries, decideSeries, ensureSeries } from "@/cron/series_commands.ts";
import { Refusal } from "@/domain/decider.ts";
import { parseSeries, seriesId } from "@/domain/klines/series_ref.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import { trusted } from "@/events/trust.ts";
import type { SeriesView } from "@/projections/series_queries.ts";

const isSimulated = (exchange: string) => exchange === "simulated";

/** A log, and a series that is held already. */
function open(held: readonly { exchange: string; simulated: boolean }[] = []) {
  const store = new MemoryEventStore({ catalog });
  const views = held.map((one) => ({ ...one, symbol: "BTC/USDT", interval: "1m" }));
  const series = { list: () => Promise.resolve(trusted<SeriesView[]>(views)) };
  const told = async () => {
    const events = await store.readAll({ after: 0, limit: 100 });
    return events.map(({ type, stream }) => `${type} ${stream}`);
  };
  return { deps: { store, series, isSimulated }, told };
}

Deno.test("watchConfigured adds and watches each series of the setting", async () => {
  const { deps, told } = open();
  await watchConfigured(deps, ["binance:BTCUSDT:1m", "okx:ETH/USDT:1h"]);
  deepEqual(await told(), [
    "SeriesAdded series-binance.BTC-USDT.1m",
    "SeriesWatched series-binance.BTC-USDT.1m",
    "SeriesAdded series-okx.ETH-USDT.1h",
    "SeriesWatched series-okx.ETH-USDT.1h",
  ]);
});

Deno.test("watchConfigured acts once: what was unwatched later stays so over restarts", async () => {
  const { deps, told } = open();
  await watchConfigured(deps, ["binance:BTC/USDT:1m"]);
  const data = { seriesId: "binance.BTC-USDT.1m" };
  const doer = { actor: "admin", commandId: crypto.randomUUID() };
  await decideSeries(deps.store, { type: "UnwatchSeries", data }, doer);
  await watchConfigured(deps, ["binance:BTC/USDT:1m"]);
  equal((await told()).length, 3);
});

Deno.test("watchConfigured keeps the history start that was chosen, also of a watched series", async () => {
  for (const watched of [true, false]) {
    const { deps, told } = open();
    const ref = parseSeries("binance:BTC/USDT:1m");
    const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });
    await ensureSeries(deps, ref, doer());
    const data = { seriesId: seriesId(ref), historyStart: 1_600_000_000_000 };
    await decideSeries(
      deps.store,
      { type: watched ? "WatchSeries" : "SetHistoryStart", data },
      doer(),
    );
    const before = await told();
    await watchConfigured(deps, ["binance:BTC/USDT:1m"]);
    const state = await currentSeries(deps.store, data.seriesId);
    deepEqual(state.status === "added" && [state.watched, state.historyStart], [
      true,
      data.historyStart,
    ]);
    equal((await told()).length, before.length + (watched ? 0 : 1));
  }
});

for (
  const [title, held, texts] of [
    ["simulated ones among real ones", [{ exchange: "binance", simulated: false }], [
      "simulated:BTC/USDT:1m",
    ]],
    ["real ones among simulated ones", [{ exchange: "simulated", simulated: true }], [
      "binance:BTC/USDT:1m",
    ]],
    ["both at once", [], ["binance:BTC/USDT:1m", "simulated:BTC/USDT:1m"]],
  ] as const
) {
  Deno.test(`watchConfigured refuses ${title} and adds nothing`, async () => {
    const { deps, told } = open(held);
    await rejects(
      watchConfigured(deps, texts),
      (error: unknown) => error instanceof Refusal && error.code === "conflict",
    );
    deepEqual(await told(), []);
  });
}
