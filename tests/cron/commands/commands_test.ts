import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { gunzipSync, strFromU8 } from "fflate";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import { parseArguments } from "@/cron/commands/arguments.ts";
import { archive } from "@/cron/commands/archive.ts";
import { blobs } from "@/cron/commands/blobs.ts";
import type { Command, CommandResult } from "@/cron/commands/command.ts";
import { crawl } from "@/cron/commands/crawl.ts";
import { exportKlines } from "@/cron/commands/export.ts";
import { BATCH_BYTES, batches, importKlines } from "@/cron/commands/import.ts";
import { job } from "@/cron/commands/job.ts";
import { rebuild } from "@/cron/commands/rebuild.ts";
import type { ImportFile } from "@/domain/ports/local_files.ts";
import { type Progress, silentProgress } from "@/domain/ports/progress.ts";
import { MemoryInstallation } from "../../support/memory_installation.ts";

const BTC = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const MINUTE = 60_000;
const START = Date.UTC(2021, 0, 1);

interface Given {
  readonly command: Command;
  readonly args: readonly string[];
  readonly installation?: MemoryInstallation;
  readonly progress?: Progress;
}

function run(
  { command, args, installation = new MemoryInstallation(), progress = silentProgress }: Given,
) {
  return command.run(parseArguments(command.spec, args), {
    signal: new AbortController().signal,
    progress,
    clock: { now: () => 0 },
    stallP99Ms: () => 0,
    files: openLocalFiles({ tempDir: "unused" }),
    open: () => Promise.resolve(installation),
    joinParquet: () => Promise.reject(new Error("no parquet here")),
  });
}

async function withFolder<T>(test: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    return await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("crawl asks for the range that was typed", async () => {
  const installation = new MemoryInstallation();
  installation.result = { ingested: 1_500, revised: 0 };
  const args = [
    "binance:BTCUSDT:1m",
    "--since",
    "2021-01-01",
    "--until",
    "2021-01-02",
    "--refetch",
  ];
  const { lines, facts } = await run({ command: crawl, args, installation });
  const range = { since: START, until: START + 86_400_000, refetch: true };
  deepEqual(installation.asked, [{ crawl: { series: BTC, ...range } }]);
  deepEqual(lines, ["Crawled binance:BTC/USDT:1m: 1,500 ingested."]);
  deepEqual(facts, { series: "binance:BTC/USDT:1m", ingested: 1_500, revised: 0 });
});

for (
  const [args, wish, result, lines] of [
    [[], { series: [], before: undefined, dryRun: false }, {
      ...{ periodsFiled: 2, rowsFiled: 90_000, bytesBefore: 13_500_000, bytesAfter: 900_000 },
      rowsDropped: 1,
    }, [
      "Filed 2 periods with 90,000 candles: 13.5 MB of rows are 900 kB of files (10.0 bytes a candle).",
      "Dropped 1 row.",
    ]],
    [
      ["--series", "binance:BTCUSDT:1m, okx:ETH/USDT:1h", "--before", "2021-01-01", "--dry-run"],
      {
        series: [BTC, { exchange: "okx", symbol: "ETH/USDT", interval: "1h" }],
        ...{ before: START, dryRun: true },
      },
      // As a running installation answers.
      { periods_to_file: 1, rows_to_file: 1_440, rows_to_drop: 0 },
      ["Would file 1 period with 1,440 candles and drop 0 rows."],
    ],
    [[], { series: [], before: undefined, dryRun: false }, {}, [
      "No period was due for its file.",
      "Dropped 0 rows.",
    ]],
  ] as const
) {
  Deno.test(`archive ${args.join(" ")} asks for it and says ${lines[0]}`, async () => {
    const installation = new MemoryInstallation();
    installation.result = result;
    const done = await run({ command: archive, args, installation });
    deepEqual(installation.asked, [{ archive: wish }]);
    deepEqual(done, { lines: [...lines], facts: result });
  });
}

for (
  const [command, args, reason] of [
    [archive, ["--before", "soon"], /--before "soon" is not a time/],
    [archive, ["--series", "binance"], /Cannot read series "binance"/],
    [crawl, ["binance"], /Cannot read series "binance"/],
    [crawl, ["binance:BTC/USDT:1m", "--since", "1970-01-01"], /--since is not a time from 2000/],
    [
      crawl,
      ["binance:BTC/USDT:1m", "--since", "2021-01-02", "--until", "2021-01-01"],
      /not before/,
    ],
    [rebuild, [], /Cannot run rebuild: name one \(klines, series\) or say --all/],
    [rebuild, ["nothing"], /"nothing" is no read model \(klines, series\)/],
    [rebuild, ["klines", "--all"], /give a name or --all/],
    [blobs, [], /say --orphans/],
    [job, ["crawl"], /"crawl" is no job of klines-live, klines|"crawl" is no job/],
    [exportKlines, ["binance:BTC/USDT:1m"], /option --out is missing/],
    [
      exportKlines,
      ["binance:BTC/USDT:1m", "--out", "x.bin"],
      /say --format csv\|parquet\|freqtrade/,
    ],
    [
      exportKlines,
      ["binance:BTC/USDT:1m", "--out", "x.csv", "--format", "xls"],
      /"xls" is none of/,
    ],
    [exportKlines, ["binance:BTC/USDT:1m", "--out", "x.csv"], /Cannot find series binance/],
    [importKlines, ["binance:BTC/USDT:1m", "missing.csv"], /no such file/],
  ] as const
) {
  Deno.test(`${command.spec.name} refuses "${args.join(" ")}"`, async () => {
    const installation = new MemoryInstallation();
    await rejects(run({ command, args, installation }), reason);
    deepEqual(installation.asked, []);
  });
}

Deno.test("import hands the files over in one batch, in order, to the added series", async () => {
  await withFolder(async (folder) => {
    const paths = ["b.csv", "a.csv"].map((name) => `${folder}/${name}`);
    for (const path of paths) await Deno.writeTextFile(path, "1609459200000,1,2,0.5,1.5,10\n");
    const installation = new MemoryInstallation();
    const args = ["binance:BTCUSDT:1m", ...paths, "--overwrite"];
    const { lines, facts } = await run({ command: importKlines, args, installation });
    equal(installation.candles.has("binance:BTC/USDT:1m"), true);
    const files = paths.map((path) => ({
      name: path,
      path,
      format: "csv",
      gzip: false,
      sizeBytes: 29,
    }));
    deepEqual(installation.asked, [{ importFiles: { series: BTC, files, overwrite: true } }]);
    deepEqual(lines, ["Imported 2 files into binance:BTC/USDT:1m: 2 new."]);
    equal(facts.ingested, 2);
  });
});

Deno.test("batches holds small neighbours together and keeps large files apart", () => {
  const file = (name: string, sizeBytes: number, gzip = false): ImportFile => (
    { name, path: name, format: "csv", gzip, sizeBytes }
  );
  const given = [
    file("a", 1e6),
    file("b", BATCH_BYTES - 1e6),
    file("c", 1),
    file("huge", 9e9),
    file("d", BATCH_BYTES / 6, true),
    file("e", 1),
  ];
  deepEqual(batches(given).map((batch) => batch.map(({ name }) => name).join("")), [
    "ab",
    "c",
    "huge",
    "d",
    "e",
  ]);
});

async function exported(
  args: readonly string[],
  openTimes: number[],
): Promise<{ result: CommandResult; bytes: Uint8Array; names: string[] }> {
  const installation = new MemoryInstallation();
  installation.hold(BTC, openTimes);
  return await withFolder(async (folder) => {
    const given = args.map((arg) => arg.replace("OUT", folder));
    const result = await run({ command: exportKlines, args: given, installation });
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    return { result, bytes: await Deno.readFile(`${folder}/${names[0]}`), names };
  });
}

Deno.test("export writes every candle of many pages once", async () => {
  const openTimes = Array.from({ length: 120_001 }, (_, i) => START + i * MINUTE);
  const args = ["binance:BTC/USDT:1m", "--out", "OUT/btc.csv.gz"];
  const { result, bytes, names } = await exported(args, openTimes);
  const lines = strFromU8(gunzipSync(bytes)).trimEnd().split("\n");
  deepEqual(lines.slice(1).map((line) => Number(line.split(",")[0])), openTimes);
  deepEqual(names, ["btc.csv.gz"]);
  equal(result.facts.rows, 120_001);
  match(result.lines[0] ?? "", /^Exported 120,001 candles of binance:BTC\/USDT:1m to .*kB\)\.$/);
});

Deno.test("export says that candles are simulated, in its sentence and its facts", async () => {
  const installation = new MemoryInstallation();
  installation.hold({ ...BTC, exchange: "simulated" }, [START]);
  await withFolder(async (folder) => {
    const args = ["simulated:BTC/USDT:1m", "--out", `${folder}/a.csv`];
    const { lines, facts } = await run({ command: exportKlines, args, installation });
    match(lines[0] ?? "", /^Exported 1 candle of simulated:BTC\/USDT:1m to .*, simulated\)\.$/);
    equal(facts.simulated, true);
  });
});

Deno.test("export keeps to --from and --to and writes freqtrade's json by the file's name", async () => {
  const openTimes = Array.from({ length: 10 }, (_, i) => START + i * MINUTE);
  const range = ["--from", "2021-01-01T00:02", "--to", "2021-01-01T00:04"];
  const args = ["binance:BTCUSDT:1m", ...range, "--out", "OUT/BTC_USDT-1m.json.gz"];
  const { bytes } = await exported(args, openTimes);
  deepEqual(JSON.parse(strFromU8(gunzipSync(bytes))), [
    [START + 2 * MINUTE, 1, 2, 0.5, 1.5, 1e-8],
    [START + 3 * MINUTE, 1, 2, 0.5, 1.5, 1e-8],
  ]);
});

for (
  const [title, range, total] of [
    ["all that is held", [], 2],
    ["a part of it, whose gaps nobody has counted", ["--from", "2021-01-01T00:01"], undefined],
  ] as const
) {
  Deno.test(`export counts candles, not open times: ${total} of ${title}`, async () => {
    await withFolder(async (folder) => {
      const installation = new MemoryInstallation();
      installation.hold(BTC, [START, START + 9 * MINUTE]);
      const starts: unknown[] = [];
      const progress: Progress = {
        ...silentProgress,
        start: (_label, options) => void starts.push(options),
      };
      const args = ["binance:BTC/USDT:1m", ...range, "--out", `${folder}/x.csv`];
      await run({ command: exportKlines, args, installation, progress });
      deepEqual(starts, [{ unit: "candles", total }]);
    });
  });
}

Deno.test("export refuses a range that holds nothing and leaves no file", async () => {
  await withFolder(async (folder) => {
    const installation = new MemoryInstallation();
    installation.hold(BTC, [START]);
    const args = ["binance:BTC/USDT:1m", "--from", "2022-01-01", "--out", `${folder}/x.csv`];
    const running = run({ command: exportKlines, args, installation });
    await rejects(
      running,
      /candles are held from 2021-01-01T00:00:00Z to 2021-01-01T00:01:00Z only/,
    );
    deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
  });
});

Deno.test("export replaces a file only with --force", async () => {
  await withFolder(async (folder) => {
    const installation = new MemoryInstallation();
    installation.hold(BTC, [START]);
    const out = `${folder}/x.csv`;
    await Deno.writeTextFile(out, "a year of work");
    const args = ["binance:BTC/USDT:1m", "--out", out];
    await rejects(
      run({ command: exportKlines, args, installation }),
      { message: `Cannot write ${out}: there is such a file; --force replaces it` },
    );
    equal(await Deno.readTextFile(out), "a year of work");
    await run({ command: exportKlines, args: [...args, "--force"], installation });
    match(await Deno.readTextFile(out), /^open_time,/);
    deepEqual(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), ["x.csv"]);
  });
});

Deno.test("export refuses a series without candles", async () => {
  const installation = new MemoryInstallation();
  installation.hold(BTC, []);
  const args = ["binance:BTC/USDT:1m", "--out", "x.csv"];
  await rejects(run({ command: exportKlines, args, installation }), /it has no candles yet/);
});

Deno.test("rebuild makes the named read model anew, or every one", async () => {
  for (
    const [args, names] of [[["series"], ["series"]], [["--all"], ["klines", "series"]]] as const
  ) {
    const installation = new MemoryInstallation();
    installation.result = { events: 7 };
    const { facts } = await run({ command: rebuild, args, installation });
    deepEqual(installation.asked, names.map((name) => ({ rebuild: name })));
    deepEqual(facts.rebuilt, Object.fromEntries(names.map((name) => [name, { events: 7 }])));
  }
});

Deno.test("blobs --orphans lists what no event names", async () => {
  const { lines, facts } = await run({ command: blobs, args: ["--orphans"] });
  equal(lines.at(-1), "Found 1 orphan, 1.5 MB.");
  equal(facts.sizeBytes, 1_500_000);
});

Deno.test("job runs the named job once, also where the installation is running", async () => {
  const installation = new MemoryInstallation();
  installation.place = "running";
  installation.result = { crawled: 2 };
  const { lines } = await run({ command: job, args: ["klines-live"], installation });
  deepEqual(lines, ["Ran klines-live: 2 crawled."]);
});
