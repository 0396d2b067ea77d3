import { deepEqual, equal } from "node:assert/strict";
import type { Interval } from "@/domain/klines/interval.ts";
import { databases } from "../support/database.ts";
import { type House, openHouse } from "../support/house.ts";
import { gunzipped, realDataTest, SHARED_DATA } from "../support/shared_data.ts";

const DEFECTIVE = "spot_1m/BTCUSDT-1m-2021-10-11_10-21.sd3ntato.csv.gz";

for (const { name, open } of databases()) {
  /** Hot: the file's candles lie in rows, batches in blobs. Cold: they lie in the period's file. */
  for (const [tier, hotDays] of [["cold", 365], ["hot", 36_500]] as const) {
    realDataTest(
      `the defective 2021-10 file is taken in ${tier} and mended on ${name}`,
      async (t) => {
        const { database, close } = await open();
        const folder = await Deno.makeTempDir();
        const house = await openHouse(database, { folder, hotDays });
        try {
          await t.step(
            "of 31 open times stored more than once the last row stays",
            () => doubledRows(house),
          );
          await t.step(
            "the file's good rows revise its 31 partial ones and say how many",
            () => mended(house),
          );
        } finally {
          await house.close();
          await close();
          await Deno.remove(folder, { recursive: true });
        }
      },
    );
  }

  realDataTest(`larger spot files aggregate to each other exactly on ${name}`, async (t) => {
    const { database, close } = await open();
    const folder = await Deno.makeTempDir();
    const house = await openHouse(database, { folder });
    try {
      for (const [stored, wanted] of [["15m", "1h"], ["1h", "4h"], ["4h", "1d"]] as const) {
        await t.step(`${stored} to ${wanted}`, () => aggregates(house, stored, wanted));
      }
    } finally {
      await house.close();
      await close();
      await Deno.remove(folder, { recursive: true });
    }
  });
}

const MINUTES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;

/** 30 open times are there twice, one three times: 32 rows give way. */
async function doubledRows(house: House): Promise<void> {
  const file = { path: `${SHARED_DATA}/${DEFECTIVE}`, format: "csv", gzip: true } as const;
  const outcome = await house.ingest.ingestFiles(MINUTES, [file], {
    ...{ source: "import", actor: "test", commandId: crypto.randomUUID() },
  });
  deepEqual([outcome.ingested, outcome.rejectedTotal], [15_693, 32]);
  equal(await house.follower.waitFor(outcome.position, 60_000), true);
  deepEqual(new Set(outcome.rejected.map(({ reason }) => reason)), new Set(["duplicate_in_batch"]));
  const last = new Map((await rows()).map((row) => [row[0], row]));
  const held = await read(house, "1m", 50_000);
  equal(held.length, last.size);
  for (const row of held) deepEqual(row.slice(0, 6), last.get(Number(row[0]))?.slice(0, 6));
}

/** Rows of the file as we name them, the doubled ones included. */
async function rows(): Promise<[number, ...string[]][]> {
  const lines = (await gunzipped(DEFECTIVE)).trim().split("\n").slice(1);
  return lines.map((line) => {
    const [time = "", ...values] = line.split(",");
    return [Date.parse(`${time.replace(" ", "T")}Z`), ...values.slice(0, 5).map(canonical)];
  });
}

/**
 * The file's own partial rows: of each open time that it holds more than once, the first is a candle
 * that was still running and the last is the one that had ended. Taken in by a series that holds the
 * running ones, the file as it is revises those and nothing else.
 */
async function mended(house: House): Promise<void> {
  const series = { ...MINUTES, symbol: "BTC/USDC" } as const;
  const id = "binance.BTC-USDC.1m";
  const [head = "", ...lines] = (await gunzipped(DEFECTIVE)).trim().split("\n");
  const [partial, good] = [new Map<string, string>(), new Map<string, string>()];
  for (const line of lines) {
    const time = line.slice(0, line.indexOf(","));
    if (!partial.has(time)) partial.set(time, line);
    good.set(time, line);
  }
  const taken = async (rows: Iterable<string>) => {
    const path = `${house.folder}/${crypto.randomUUID()}.csv`;
    await Deno.writeTextFile(path, [head, ...rows].join("\n"));
    const outcome = await house.ingest.ingestFiles(series, [{ path, format: "csv", gzip: false }], {
      ...{ source: "import", actor: "test", commandId: crypto.randomUUID() },
    });
    equal(await house.follower.waitFor(outcome.position, 60_000), true);
    return [outcome.ingested, outcome.revised, outcome.unchanged];
  };
  deepEqual(await taken(partial.values()), [15_693, 0, 0]);
  deepEqual(await taken(good.values()), [0, 31, 15_662]);
  const now = await read(house, "1m", 50_000, { id, stored: "1m" });
  deepEqual(now, await read(house, "1m", 50_000));
}

async function aggregates(house: House, stored: Interval, wanted: Interval): Promise<void> {
  const series = { exchange: "binance", symbol: `X${stored.toUpperCase()}/USDT`, interval: stored };
  const path = `${SHARED_DATA}/spot/BTCUSDT-${stored}.csv.gz`;
  const { position } = await house.ingest.ingestFiles(
    series,
    [{ path, format: "csv", gzip: true }],
    { source: "import", actor: "test", commandId: crypto.randomUUID() },
  );
  equal(await house.follower.waitFor(position, 60_000), true);
  const id = `binance.X${stored.toUpperCase()}-USDT.${stored}`;
  const ours = new Map((await read(house, wanted, 50_000, { id, stored })).map((r) => [r[0], r]));
  let compared = 0;
  for (
    const line of (await gunzipped(`spot/BTCUSDT-${wanted}.csv.gz`)).trim().split("\n").slice(1)
  ) {
    const [time, ...values] = line.split(",");
    const mine = ours.get(Number(time));
    if (mine === undefined) continue;
    deepEqual(mine.slice(1, 6), values.slice(0, 5).map(canonical));
    compared++;
  }
  equal(compared > 3_000, true, `only ${compared} bars in both`);
}

function canonical(text = ""): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

async function read(
  house: House,
  interval: Interval,
  limit: number,
  { id, stored }: { id: string; stored: Interval } = { id: "binance.BTC-USDT.1m", stored: "1m" },
): Promise<(string | number | null)[][]> {
  const { bytes } = await house.reader.read({
    ...{ seriesId: id, stored, interval, start: 0, end: undefined, limit, order: "asc" },
    ...{ fill: "none", partial: false, format: "arrays", numbers: "string" },
  });
  return JSON.parse(new TextDecoder().decode(bytes));
}
