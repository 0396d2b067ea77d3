import { deepEqual, equal, match } from "node:assert/strict";
import { type Place, withPlace } from "../support/place.ts";
import { runProgram, startProgram, waitUntil } from "../support/program.ts";

const SERIES = "binance:BTC/USDT:1m";
const START = Date.UTC(2021, 0, 1);

const GOOD = [0, 1, 2].map((i) => `${START + i * 60_000},1,2,0.5,1.5,10`).join("\n");

/** What is wrong with an import, and what it says. */
const FAULTS: readonly (readonly [files: Record<string, string>, code: number, says: RegExp])[] = [
  [
    { "cut.json": `[[${START},1,2,0.5,1.5,10]` },
    2,
    /^Cannot import cut\.json: cannot read the JSON/,
  ],
  [
    { "list.json": '[{"a": 1}]' },
    2,
    /^Cannot import list\.json: cannot read candles from the JSON: a row is no array/,
  ],
  [{ "three.csv": "1,2,3\n4,5,6" }, 2, /^Cannot import three\.csv: .*expected 6, 11 or 12/],
  [
    { "bad.csv": "open_time,open,high,low,close,volume\nnonsense,1,2,0.5,1,1\nworse,1,2,0.5,1,1" },
    1,
    /^Cannot take in any candle: 2 rows rejected, first row 1, bad_time: nonsense,1,2,0\.5,1,1\.\n$/,
  ],
  [
    { "a.csv": GOOD, "b.csv": "1,2,3\n4,5,6" },
    2,
    /^Cannot import b\.csv, file 2 of 2: cannot read lines of 3 .* 3 candles added until then\.\n$/,
  ],
];

async function outcomes({ settings, path }: Place) {
  const all: unknown[] = [];
  for (const [files, code, says] of FAULTS) {
    const names = Object.keys(files);
    for (const name of names) await Deno.writeTextFile(path(name), files[name] ?? "");
    const args = ["import", SERIES, ...names.map(path), "--json"];
    const ended = await runProgram(args, { settings });
    const told = ended.stderr.replaceAll(path(""), "");
    equal(ended.code, code, ended.stderr);
    match(told, says);
    const { error } = JSON.parse(ended.stdout);
    deepEqual(error.message, ended.stderr.trimEnd());
    all.push([error.code, told]);
  }
  return all;
}

Deno.test("import says the same of a bad file, with the same code, on a stopped and a running installation", async () => {
  await withPlace(async (stopped) => {
    const direct = await outcomes(stopped);
    await withPlace(async (place) => {
      const program = await startProgram(place.settings);
      deepEqual(await outcomes(place), direct);
      equal((await program.stop()).code, 0);
    });
  });
});

Deno.test("import says what to do when the service ends below it, and goes on when it is run again", async () => {
  await withPlace(async ({ settings, path }) => {
    const names = Array.from({ length: 150 }, (_, i) => path(`${i}.csv`));
    for (const [i, name] of names.entries()) {
      await Deno.writeTextFile(name, `${START + i * 60_000},1,2,0.5,1.5,10\n`);
    }
    const args = ["import", SERIES, ...names];
    const program = await startProgram(settings);
    const importing = runProgram(args, { settings });
    const some = async () => {
      const response = await program.get("/api/v1/series/binance.BTC-USDT.1m");
      return (await response.json()).data?.candles > 0;
    };
    equal(await waitUntil(some), true);
    equal((await program.stop("SIGTERM")).code, 0);
    const { code, stderr } = await importing;
    equal(code, 1, stderr);
    match(
      stderr,
      /Cannot import .*\d+\.csv, file \d+ of 150: .* Run the command again to go on where it stopped\. \d+ candles? added until then\.\n$/,
    );
    const again = await runProgram([...args, "--json"], { settings });
    const { ingested, unchanged } = JSON.parse(again.stdout);
    deepEqual([ingested + unchanged, ingested > 0, unchanged > 0], [150, true, true]);
  });
});
