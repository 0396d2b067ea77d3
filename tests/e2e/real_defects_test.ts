import { deepEqual, equal } from "node:assert/strict";
import type { Interval } from "@/domain/klines/interval.ts";
import { databases } from "../support/database.ts";
import { type House, openHouse } from "../support/house.ts";
import { gunzipped, realDataTest, SHARED_DATA } from "../support/shared_data.ts";

const DEFECTIVE = "spot_1m/BTCUSDT-1m-2021-10-11_10-21.sd3ntato.csv.gz";
const MINUTE = 60_000;

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
          await t.step("good rows revise the partial ones and say how many", () => mended(house));
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

/** What a re-fetch would bring: every bar that the file holds partially has more volume and trades. */
async function mended(house: House): Promise<void> {
  const from = Date.parse("2021-10-16T21:25:00Z");
  const good = (await read(house, "1m", 50_000)).filter(([time]) => Number(time) >= from)
    .slice(0, 80).map(([time, open, high, low, close, volume]) =>
      [time, open, high, low, close, Number(volume) + 1].join(",")
    );
  const path = `${house.folder}/good.csv`;
  await Deno.writeTextFile(path, good.join("\n"));
  const outcome = await house.ingest.ingestFiles(MINUTES, [{ path, format: "csv", gzip: false }], {
    ...{ source: "exchange", actor: "test", commandId: crypto.randomUUID() },
  });
  deepEqual([outcome.ingested, outcome.revised, outcome.unchanged], [0, 80, 0]);
  equal(await house.follower.waitFor(outcome.position, 60_000), true);
  const now = await read(house, "1m", 50_000);
  equal(now.length, 15_693);
  const start = now.findIndex(([time]) => time === from);
  const volumes = now.slice(start, start + 80).map((row) => Number(row[5]));
  deepEqual(volumes, good.map((line) => Number(line.split(",")[5])));
  equal(Number(now.at(-1)?.[0]) % MINUTE, 0);
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
