import { deepEqual, equal, rejects } from "node:assert/strict";
import { seriesId, seriesRef } from "@/domain/klines/series_ref.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import type { House } from "@/tests/support/house.ts";
import { archive, archiveTest } from "./archive/archive_house.ts";

const MINUTE = 60_000;
const DAY = utc("2021-05-01");

/** The first minute holds two bars, as one of December 2017 does. */
const OPEN_TIMES = [0, 20_799, MINUTE, 2 * MINUTE, 3 * MINUTE + 20_799].map((ms) => DAY + ms);

/** Ranges as ms from the day's start, with the bars that are left or what a refusal says. */
const RANGES: readonly [from: number, to: number, left: readonly number[] | RegExp][] = [
  [1, 2, [0, 1, 2, 3, 4]],
  [61_000, 62_000, [0, 1, 2, 3, 4]],
  [3 * MINUTE + 1, 3 * MINUTE + 20_799, [0, 1, 2, 3, 4]],
  [0, 20_799, /candle at 2021-05-01T00:00:20.799Z .* Send end=1619827260000 .* or end=16198272/],
  [20_799, MINUTE, /candle at 2021-05-01T00:00:00.000Z .* Send start=1619827200000 .* or start=/],
  [61_000, 3 * MINUTE, /candle at 2021-05-01T00:01:00.000Z .* or start=1619827320000 to leave/],
  [MINUTE - 1, 2 * MINUTE, /candle at 2021-05-01T00:00:00.000Z/],
  [MINUTE, 121_000, [0, 1, 4]],
  [3 * MINUTE + 1, 4 * MINUTE - 1, [0, 1, 2, 3]],
  [-1, 20_800, [2, 3, 4]],
];

const doer = () => ({ actor: "job:test", commandId: crypto.randomUUID() });

for (const where of ["rows", "a file"]) {
  archiveTest(`a removal takes no candle outside of its range, out of ${where}`, async (house) => {
    const all = OPEN_TIMES.map((openTime) => candle({ openTime }));
    for (const at of RANGES.keys()) {
      await house.ingest.ingestCandles(refOf(at), all, { ...doer(), source: "import" });
    }
    if (where === "a file") await archive(house);
    for (const at of RANGES.keys()) await removes(house, at);
    const filed = await house.database.values(
      "select count(*)::int from kline_periods_v1 where file_sha256 is not null",
    );
    equal(Number(filed[0]?.[0]) > 0, where === "a file");
  });
}

function refOf(at: number) {
  return seriesRef("kraken", `R${at}/USDT`, "1m");
}

async function removes(house: House, at: number): Promise<void> {
  const [from, to, left] = RANGES[at] ?? [0, 0, []];
  const request = {
    ...{ seriesId: seriesId(refOf(at)), interval: "1m", reason: "test" } as const,
    ...{ from: DAY + from, to: DAY + to },
  };
  const removing = house.removal.remove({ ...request, ...doer(), keepOut: false });
  if (left instanceof RegExp) await rejects(removing, left);
  else equal((await removing).removed, OPEN_TIMES.length - left.length);
  const kept = left instanceof RegExp ? OPEN_TIMES : left.map((bar) => OPEN_TIMES[bar]);
  deepEqual(await openTimes(house, request.seriesId), kept, `${from} to ${to}`);
  if (kept.length < OPEN_TIMES.length) return;
  // What is kept out is not held either.
  const keptOut = house.removal.remove({ ...request, ...doer(), keepOut: true });
  await rejects(keptOut, /lies outside of the range/);
}

async function openTimes(
  { reader, store, follower }: House,
  id: string,
): Promise<readonly unknown[]> {
  equal(await follower.waitFor(await store.head(), 20_000), true);
  const { bytes } = await reader.read({
    ...{ seriesId: id, stored: "1m", interval: "1m", start: 0, end: undefined, limit: 100 },
    ...{ order: "asc", fill: "none", partial: false, format: "arrays", numbers: "number" },
  });
  const at = KLINE_COLUMNS.indexOf("open_time");
  return JSON.parse(new TextDecoder().decode(bytes)).map((row: unknown[]) => row[at]);
}
