import { deepEqual, equal } from "node:assert/strict";
import { inlinePages } from "@/cron/archive/inline_pages.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import type { KlineRow } from "@/events/catalog/klines.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";

const SERIES = "binance.BTC-USDT.1m";
const PERIOD = "2024-05";
const MAY = Date.UTC(2024, 4, 1);
const MINUTE = 60_000;

function recorded(from: number, count: number) {
  const candles = Array.from(
    { length: count },
    (_, i): KlineRow => [
      ...[from + i * MINUTE, "1", "2", "0.5", "1.5", "3"] as const,
      ...[null, null, null, null, null] as const,
    ],
  );
  const to = from + count * MINUTE;
  return {
    type: "KlinesRecorded" as const,
    data: {
      ...{ seriesId: SERIES, period: PERIOD, source: "exchange" as const, from, to, blob: null },
      ...{ ingested: count, revised: 0, unchanged: 0, heldBetter: 0, candles },
      added: [[from, to]],
    },
  };
}

async function storeOf(events: readonly ReturnType<typeof recorded>[]) {
  const store = new MemoryEventStore({ catalog });
  const stream = `klines-${SERIES}-${PERIOD}`;
  const meta = { actor: "test", commandId: crypto.randomUUID() };
  await store.append([{ stream, expected: "none", events }], meta);
  return store;
}

Deno.test("inline pages: all candles of a long stream once, in pages of bounded size", async () => {
  const singles = Array.from({ length: 1_003 }, (_, i) => recorded(MAY + i * MINUTE, 1));
  const full = Array.from({ length: 20 }, (_, i) => recorded(MAY + i * 250 * MINUTE, 250));
  const store = await storeOf([...singles, ...full]);
  const read = { seriesId: SERIES, period: PERIOD, behind: 0 };
  const pages = await Array.fromAsync(inlinePages({ store }, read));
  const sizes = pages.map((page) => page.reduce((sum, { candles }) => sum + candles.length, 0));
  equal(sizes.reduce((sum, size) => sum + size, 0), 6_003);
  equal(sizes.every((size) => size < 4_256), true);
  const positions = pages.flat().map(({ position }) => position);
  deepEqual(positions, Array.from({ length: 1_023 }, (_, i) => i + 1));
});

Deno.test("inline pages: only what lies behind a version", async () => {
  const store = await storeOf([recorded(MAY, 1), recorded(MAY + MINUTE, 2)]);
  const read = { seriesId: SERIES, period: PERIOD };
  const [page] = await Array.fromAsync(inlinePages({ store }, { ...read, behind: 1 }));
  deepEqual(page?.map(({ position }) => position), [2]);
  deepEqual(await Array.fromAsync(inlinePages({ store }, { ...read, behind: 2 })), []);
});
