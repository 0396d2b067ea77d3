import { deepEqual, equal, match } from "node:assert/strict";
import { strFromU8, unzipSync } from "fflate";
import { command, type Place, withPlace } from "../support/place.ts";
import { runProgram, startProgram } from "../support/program.ts";
import { gunzipped, realDataTest, SHARED_DATA } from "../support/shared_data.ts";

const SERIES = "binance:BTC/USDT:1m";
const MINUTE = 60_000;
const LAYOUT = ["--layout", "binance-vision"] as const;

/** Around the turn of 2025: with a hole, candles without detail, off the grid and cut short. */
function candles(): string[] {
  const start = Date.UTC(2024, 11, 31);
  return Array.from({ length: 2 * 1_440 }, (_, i) => {
    const time = start + i * MINUTE + (i % 500 === 7 ? 20_799 : 0);
    const close = i % 300 === 5 ? time + 30_000 : time + MINUTE - 1;
    const price = (93_000 + (i % 97) / 100).toFixed(2);
    const detail = i % 11 === 0 ? ",,," : `${i}.5,${i % 40},1.25,${i}.12345678`;
    return `${time},${price},94000.5,92000.25,${price},${i % 7}.${i % 9},${close},${detail}`;
  }).filter((_, i) => i < 700 || i > 720);
}

async function csvOf({ settings, path }: Place, series: string): Promise<string> {
  const out = path(`${crypto.randomUUID()}.csv`);
  await command(["export", series, "--out", out], settings);
  return await Deno.readTextFile(out);
}

/** Paths of the zips below a folder, and of their checksums: what a shell's `*` finds. */
async function filesIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => `${folder}/${name}`);
  return names.toSorted();
}

for (const running of [false, true]) {
  const how = running ? "through the API of a running one" : "on stopped ones";
  Deno.test(`export as Binance publishes and import into an empty installation keep every row, ${how}`, () =>
    withPlace(async (from) => {
      const header = "open_time,open,high,low,close,volume,close_time,quote_volume," +
        "trades_count,taker_buy_volume,taker_buy_quote_volume";
      const all = candles();
      await Deno.writeTextFile(from.path("a.csv"), [header, ...all, ""].join("\n"));
      equal(
        (await command(["import", SERIES, from.path("a.csv")], from.settings)).ingested,
        all.length,
      );
      const program = running ? await startProgram(from.settings) : undefined;
      const facts = await command(
        ["export", SERIES, ...LAYOUT, "--out", from.path("zips")],
        from.settings,
      );
      deepEqual([facts.daily, facts.monthly, facts.rows], [2, 2, 2 * all.length]);
      const whole = await csvOf(from, SERIES);
      equal((await program?.stop())?.code ?? 0, 0);
      for (const cadence of ["daily", "monthly"]) {
        await withPlace(async (to) => {
          const there = running ? await startProgram(to.settings) : undefined;
          const folder = from.path(`zips/spot/${cadence}/klines/BTCUSDT/1m`);
          const counts = await command(
            ["import", SERIES, ...await filesIn(folder)],
            to.settings,
          );
          deepEqual([counts.ingested, counts.rejected_total, counts.files], [all.length, 0, 2]);
          equal(await csvOf(to, SERIES), whole);
          equal((await there?.stop())?.code ?? 0, 0);
        });
      }
    }));
}

Deno.test("import of a zip that is not what its checksum says imports nothing and says so in one sentence", () =>
  withPlace(async ({ settings, path }) => {
    await Deno.writeTextFile(path("a.csv"), candles().join("\n"));
    await command(["import", SERIES, path("a.csv")], settings);
    await command(["export", SERIES, ...LAYOUT, "--out", path("zips")], settings);
    const folder = path("zips/spot/daily/klines/BTCUSDT/1m");
    const [first = "", , second = ""] = await filesIn(folder);
    await Deno.copyFile(first, second);
    const { code, stdout, stderr } = await runProgram(
      ["import", "binance:BTC/USDC:1m", first, second],
      { settings },
    );
    deepEqual([code, stdout], [2, ""]);
    match(
      stderr,
      /^Cannot read .*2025-01-01\.zip: it is not the file that .*\.CHECKSUM tells of; .*\.\n$/,
    );
    const failed = await runProgram(["export", "binance:BTC/USDC:1m", "--out", path("x.csv")], {
      settings,
    });
    match(failed.stderr, /^Cannot find series binance:BTC\/USDC:1m\./);
  }));

realDataTest("BTCUSDT 15m goes out as Binance's own text and comes back row for row", async () => {
  await withPlace(async (from) => {
    const series = "binance:BTC/USDT:15m";
    const file = `${SHARED_DATA}/spot/BTCUSDT-15m.csv.gz`;
    const imported = await command(["import", series, file], from.settings);
    await command(["export", series, ...LAYOUT, "--out", from.path("zips")], from.settings);
    const lines = (await gunzipped("spot/BTCUSDT-15m.csv.gz")).trim().split("\n").slice(1);
    const folder = from.path("zips/spot/monthly/klines/BTCUSDT/15m");
    const zips = (await filesIn(folder)).filter((name) => name.endsWith(".zip"));
    let text = "";
    for (const zip of zips) {
      for (const csv of Object.values(unzipSync(await Deno.readFile(zip)))) text += strFromU8(csv);
    }
    const written = text.trimEnd().split("\n");
    // The month at its end is not over, or not all in the file: the days of it are.
    equal(written.length > 40_000, true, `${written.length} rows`);
    deepEqual(written, lines.slice(0, written.length).map(inMicroseconds));
    await withPlace(async (to) => {
      const counts = await command(["import", series, ...zips], to.settings);
      deepEqual([counts.ingested, counts.rejected_total], [written.length, 0]);
      const [here, there] = [await csvOf(from, series), await csvOf(to, series)];
      equal(here.startsWith(there), true);
      equal(here.trimEnd().split("\n").length - 1, imported.ingested);
    });
  });
});

/** As Binance writes spot since 2025; the file at hand has been turned back to milliseconds. */
function inMicroseconds(line: string): string {
  const cells = line.split(",");
  if (Number(cells[0]) < Date.UTC(2025, 0, 1)) return line;
  cells[0] += "000";
  cells[6] += "999";
  return cells.join(",");
}
