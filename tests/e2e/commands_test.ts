import { deepEqual, equal, match } from "node:assert/strict";
import { gzipSync, strToU8, zipSync } from "fflate";
import { parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";
import { command, type Place, withPlace } from "../support/place.ts";
import { runProgram, type Settings, startProgram } from "../support/program.ts";

const SERIES = "binance:BTC/USDT:1m";
const START = Date.UTC(2020, 11, 30);
const MINUTE = 60_000;
const YEARS_AGO = new Date("2022-01-01T00:00:00Z");
const HEADER = "open_time,open,high,low,close,volume";

/** Three days across a year's end: two period files. */
function candles(count = 3 * 1440): string[] {
  return Array.from({ length: count }, (_, i) => {
    const price = (29_000 + (i % 97) / 100).toFixed(2).replace(/\.?0+$/, "");
    return `${START + i * MINUTE},${price},30000.5,28000.25,${price},${
      i % 7 === 0 ? "0" : "1.234567"
    }`;
  });
}

async function exportedRows(place: Place, name: string): Promise<string[]> {
  await command(["export", SERIES, "--out", place.path(name)], place.settings);
  const lines = (await Deno.readTextFile(place.path(name))).trimEnd().split("\n");
  return lines.slice(1).map((line) => line.split(",").slice(0, 6).join(","));
}

/** Of two blobs that no event names the old one is an orphan; those of events are none, however old. */
async function findsOrphans({ settings: { DATA_DIR } }: Place, settings: Settings): Promise<void> {
  const directory = `${DATA_DIR}/blobs`;
  const blobs = await openDiskBlobs({ directory });
  equal((await Array.fromAsync(blobs.list())).length > 0, true);
  const [orphan, young] = await Promise.all(
    ["nobody's", "yet to be named"].map((text) => blobs.put(new TextEncoder().encode(text))),
  );
  for await (const { sha256 } of blobs.list()) {
    if (sha256 === young?.sha256) continue;
    const path = `${directory}/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
    await Deno.utime(path, YEARS_AGO, YEARS_AGO);
  }
  const found = await command(["blobs", "--orphans"], settings);
  deepEqual([found.count, found.size_bytes], [1, orphan?.sizeBytes]);
  equal(found.orphans[0].sha256, orphan?.sha256);
}

for (const running of [false, true]) {
  const how = running ? "through the API of the running one" : "on a stopped one";
  Deno.test(`import and export give back every digit, ${how}`, async () => {
    await withPlace(async (place) => {
      const { path } = place;
      // Whoever goes through a proxy still reaches the installation on this machine.
      const settings = { ...place.settings, HTTP_PROXY: "http://127.0.0.1:9" };
      const all = candles();
      const [a, b, c] = [all.slice(0, 1_500), all.slice(1_500, 3_000), all.slice(3_000)];
      await Deno.writeTextFile(path("a.csv"), [HEADER, ...a, ""].join("\n"));
      await Deno.writeFile(path("b.csv.gz"), gzipSync(strToU8(b.join("\n"))));
      await Deno.writeFile(path("c.zip"), zipSync({ "c.csv": strToU8([HEADER, ...c].join("\n")) }));
      const program = running ? await startProgram(place.settings) : undefined;

      const files = ["a.csv", "b.csv.gz", "c.zip"].map(path);
      const imported = await command(["import", SERIES, ...files], settings);
      equal(imported.ingested, all.length);
      equal(imported.rejected_total, 0);
      const again = await command(["import", SERIES, ...files], settings);
      deepEqual([again.ingested, again.revised, again.unchanged], [0, 0, all.length]);

      deepEqual(await exportedRows(place, "all.csv"), all);
      const parquet = await command(["export", SERIES, "--out", path("all.parquet")], settings);
      equal(parquet.rows, all.length);
      await command(["export", SERIES, "--out", path("BTC_USDT-1m.json.gz")], settings);
      const back = await command(
        ["import", "binance:BTC/USDC:1m", path("BTC_USDT-1m.json.gz")],
        settings,
      );
      equal(back.ingested, all.length);
      await command(["import", "binance:BTC/FDUSD:1m", path("all.parquet")], settings);
      await command(["export", "binance:BTC/FDUSD:1m", "--out", path("again.csv")], settings);
      equal(await Deno.readTextFile(path("again.csv")), await Deno.readTextFile(path("all.csv")));
      const hours = await command(
        ["export", "binance:BTCUSDT:1h", "--out", path("hours.csv")],
        settings,
      );
      equal(hours.rows, all.length / 60);
      equal((await command(["rebuild", "--all"], settings)).command, "rebuild");
      deepEqual(await exportedRows(place, "rebuilt.csv"), all);
      await findsOrphans(place, settings);
      if (program !== undefined) equal((await program.stop()).code, 0);

      const bytes = await Deno.readFile(path("all.parquet"));
      const rows = await parquetReadObjects({ file: bytes.buffer, compressors });
      deepEqual(
        rows.map(({ open_time }) => Number(open_time)),
        all.map((_, i) => START + i * MINUTE),
      );
    });
  });
}

Deno.test("import counts what it rejects, says where and keeps the rest", async () => {
  await withPlace(async ({ settings, path }) => {
    const rows = [...candles(3), `${START + 3 * MINUTE},1,2,3,4,5`, "nonsense,1,2,0.5,1,1"];
    await Deno.writeTextFile(path("a.csv"), rows.join("\n"));
    const { ingested, rejected_total, rejected } = await command(
      ["import", SERIES, path("a.csv")],
      settings,
    );
    deepEqual([ingested, rejected_total], [3, 2]);
    deepEqual(rejected, [
      { row: 4, reason: "ohlc_violation", values: `${START + 3 * MINUTE},1,2,3,4,5` },
      { row: 5, reason: "bad_time", values: "nonsense,1,2,0.5,1,1" },
    ]);
  });
});

for (
  const [args, code, sentence] of [
    [["import", SERIES, "missing.csv"], 2, /^Cannot read missing\.csv: there is no such file\.\n$/],
    [["export", SERIES, "--out", "x.csv"], 1, /^Cannot find series binance:BTC\/USDT:1m\.\n$/],
    [["crawl", "BTCUSDT"], 2, /^Cannot read series "BTCUSDT": .*\n$/],
    [["crawl", "nosuchvenue:BTC/USDT:1m"], 1, /nosuchvenue/],
    [["rebuild", "nothing"], 2, /"nothing" is no read model \(/],
    [["job", "nothing"], 2, /"nothing" is no job of .*klines-live, /],
  ] as const
) {
  Deno.test(`"${args.join(" ")}" fails with one sentence and code ${code}`, async () => {
    await withPlace(async ({ settings }) => {
      const ended = await runProgram([...args], { settings });
      deepEqual([ended.code, ended.stdout], [code, ""], ended.stderr);
      match(ended.stderr, sentence);
      equal(ended.stderr.trimEnd().includes("\n"), false, ended.stderr);
    });
  });
}

Deno.test("a running installation with an ADMIN_TOKEN is called with it, and asks for it in one sentence", async () => {
  await withPlace(async ({ settings, path }) => {
    await Deno.writeTextFile(path("a.csv"), candles(3).join("\n"));
    const secret = { ...settings, ADMIN_TOKEN: "a-token-of-our-own-choice" };
    const program = await startProgram(secret);
    for (const args of [["import", SERIES, path("a.csv")], ["blobs", "--orphans"]]) {
      const { code, stderr } = await runProgram(args, { settings });
      const sentence = "Cannot call the running installation: set ADMIN_TOKEN to its token.\n";
      deepEqual([code, stderr], [1, sentence]);
    }
    equal(await Deno.stat(`${settings.DATA_DIR}/admin-token`).catch(() => undefined), undefined);
    equal((await command(["import", SERIES, path("a.csv")], secret)).ingested, 3);
    equal((await program.stop()).code, 0);
  });
});

for (
  const args of [
    ["export", SERIES, "--out", "x.csv"],
    ["rebuild", "--all"],
    ["blobs", "--orphans"],
    ["job", "klines-live"],
  ]
) {
  Deno.test(`${args[0]} says so where there is no installation, and makes none`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "chandlery-e2e-" });
    const settings = { DATA_DIR: `${folder}/dat` };
    const { code, stderr } = await runProgram(args, { settings });
    equal(code, 1);
    equal(
      stderr,
      `Cannot open ${folder}/dat: there is no installation in that folder; look at DATA_DIR.\n`,
    );
    equal((await Array.fromAsync(Deno.readDir(folder))).length, 0);
    await Deno.remove(folder, { recursive: true });
  });
}
