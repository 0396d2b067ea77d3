import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { strFromU8, unzipSync } from "fflate";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import { parseArguments } from "@/cron/commands/arguments.ts";
import { exportKlines } from "@/cron/commands/export.ts";
import type { CommandResult } from "@/cron/commands/command.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { MemoryInstallation } from "../../support/memory_installation.ts";

const BTC = { exchange: "binance", symbol: "BTC/USDT", interval: "1h" } as const;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The last two days of a month and the first three of the next. */
const START = Date.UTC(2024, 11, 30);
const MONTHLY = "spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h";
const DAILY = "spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h";

interface Scene {
  readonly out: string;
  readonly installation: MemoryInstallation;
  export(options?: { args?: readonly string[]; now?: number; signal?: AbortSignal }): Promise<
    CommandResult
  >;
  text(path: string): Promise<string>;
  /** Everything in the folder, with its time of change. */
  files(): Promise<Map<string, number>>;
}

async function withScene(test: (scene: Scene) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const out = `${root}/vision`;
  const installation = new MemoryInstallation();
  installation.hold(BTC, Array.from({ length: 5 * 24 }, (_, i) => START + i * HOUR));
  try {
    await test({
      ...{ out, installation },
      export: ({ args = [], now = START + 90 * DAY, signal } = {}) => {
        const typed = ["binance:BTC/USDT:1h", "--layout", "binance-vision", "--out", out, ...args];
        return exportKlines.run(parseArguments(exportKlines.spec, typed), {
          signal: signal ?? new AbortController().signal,
          progress: silentProgress,
          clock: { now: () => now },
          stallP99Ms: () => 0,
          files: openLocalFiles({ tempDir: "unused" }),
          open: () => Promise.resolve(installation),
          joinParquet: () => Promise.reject(new Error("no parquet here")),
        });
      },
      async text(path) {
        const [text] = Object.values(unzipSync(await Deno.readFile(`${out}/${path}.zip`)));
        return strFromU8(text ?? new Uint8Array());
      },
      async files() {
        const found = new Map<string, number>();
        const walk = async (path: string) => {
          for await (const { name, isDirectory } of Deno.readDir(`${out}/${path}`)) {
            if (isDirectory) await walk(`${path}${name}/`);
            else found.set(path + name, (await Deno.stat(`${out}/${path}${name}`)).ino ?? 0);
          }
        };
        await walk("");
        return found;
      },
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("export --layout writes the months and the days that hold candles, each with its checksum", () =>
  withScene(async (scene) => {
    const { lines, facts } = await scene.export();
    const days = ["2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02", "2025-01-03"];
    const zips = [
      ...days.map((day) => `${DAILY}-${day}.zip`),
      ...["2024-12", "2025-01"].map((month) => `${MONTHLY}-${month}.zip`),
    ];
    deepEqual(
      [...(await scene.files()).keys()].toSorted(),
      zips.flatMap((zip) => [zip, `${zip}.CHECKSUM`]).toSorted(),
    );
    match(
      lines.join(),
      /^Exported 5 daily files and 2 monthly files of binance:BTC\/USDT:1h to .*vision \([\d.]+ kB\)\.$/,
    );
    const { daily, monthly, kept, rows } = facts;
    deepEqual([daily, monthly, kept, rows], [5, 2, 0, 2 * 5 * 24]);
    const december = (await scene.text(`${MONTHLY}-2024-12`)).trimEnd().split("\n");
    equal(december.length, 48);
    equal(
      december[0],
      `${START},1.00000000,2.00000000,0.50000000,1.50000000,0.00000001,${START + 59_999},,,,,0`,
    );
    const january = await scene.text(`${DAILY}-2025-01-01`);
    match(january, /^1735689600000000,1\.0{8},.*,1735689659999999,,,,,0\n1735693200000000,/);
  }));

Deno.test("export --layout a second time writes nothing, and after a harm only what was harmed", () =>
  withScene(async (scene) => {
    await scene.export();
    const before = await scene.files();
    const bytes = await Deno.readFile(`${scene.out}/${MONTHLY}-2024-12.zip`);
    const again = await scene.export();
    deepEqual(await scene.files(), before);
    match(again.lines.join(), /^Exported 0 daily files .* \(0 bytes\); 7 files stayed\.$/);
    await Deno.truncate(`${scene.out}/${MONTHLY}-2024-12.zip`, 200);
    await Deno.remove(`${scene.out}/${DAILY}-2025-01-01.zip.CHECKSUM`);
    const { facts } = await scene.export();
    deepEqual([facts.daily, facts.monthly, facts.kept], [1, 1, 5]);
    deepEqual(await Deno.readFile(`${scene.out}/${MONTHLY}-2024-12.zip`), bytes);
    deepEqual((await scene.export()).facts.kept, 7);
  }));

Deno.test("export --layout writes a whole file anew when other candles are held than it has", () =>
  withScene(async (scene) => {
    await scene.export();
    const all = Array.from({ length: 5 * 24 }, (_, i) => START + i * HOUR);
    scene.installation.hold(BTC, all.filter((_, i) => i !== 30));
    const { facts } = await scene.export();
    deepEqual([facts.daily, facts.monthly, facts.kept], [1, 1, 5]);
    equal((await scene.text(`${DAILY}-2024-12-31`)).trimEnd().split("\n").length, 23);
  }));

Deno.test("export --layout leaves out what is not over, and what --from and --to cut", () =>
  withScene(async (scene) => {
    const names = async () =>
      [...(await scene.files()).keys()].filter((name) => name.endsWith(".zip"))
        .map((name) => name.replace(/.*-1h-|\.zip/g, "")).toSorted();
    await scene.export({ now: START + 3 * DAY + 23 * HOUR });
    deepEqual(await names(), ["2024-12", "2024-12-30", "2024-12-31", "2025-01-01"]);
    await Deno.remove(scene.out, { recursive: true });
    await scene.export({ args: ["--from", "2024-12-31", "--to", "2025-01-02T12:00"] });
    deepEqual(await names(), ["2024-12-31", "2025-01-01"]);
  }));

Deno.test("export --layout refuses a range without a whole day, and makes no folder", () =>
  withScene(async (scene) => {
    for (const to of ["2024-12-30T23:59", "2024-12-29"]) {
      const asked = scene.export({ args: ["--from", "2024-12-01T12:00", "--to", to] });
      await rejects(asked, /no day or month with candles lies in 2024-12-01T12:00:00Z …/);
    }
    await rejects(Deno.stat(scene.out), Deno.errors.NotFound);
  }));

Deno.test("export --layout that is stopped leaves whole files only, and goes on from there", () =>
  withScene(async (scene) => {
    const stop = new AbortController();
    const { installation } = scene;
    const read = installation.readPage.bind(installation);
    let reads = 0;
    installation.readPage = (query) => {
      // The months are read in one page; the days begin with the second.
      if (++reads === 2) stop.abort();
      return read({ ...query, limit: 60 });
    };
    await rejects(scene.export({ signal: stop.signal }), { name: "AbortError" });
    const left = [...(await scene.files()).keys()];
    equal(left.length > 0 && left.length < 14, true, left.join());
    equal(left.every((name) => left.includes(`${name.replace(".CHECKSUM", "")}.CHECKSUM`)), true);
    const { facts } = await scene.export();
    equal(Number(facts.kept) > 0, true);
    equal((await scene.files()).size, 14);
  }));

for (
  const [args, reason] of [
    [["--layout", "kaggle", "--out", "x"], /--layout "kaggle" is not binance-vision/],
    [["--layout", "binance-vision", "--out", "x", "--format", "csv"], /a format of its own/],
    [["--layout", "binance-vision"], /option --out is missing/],
    [["--out", "x.tell"], /say --format csv\|parquet\|freqtrade, "x.tell" does not tell/],
    [["--out", "a.csv/x"], /does not tell/],
    [["--out", "x.feather"], /a name of no format that is written: .csv, .csv.gz, .parquet/],
    [["--format", "freqtrade", "--out", "x.FEATHER"], /of no format that is written/],
    [["--out", "x.parquet.gz"], /does not tell/],
    [["--format", "parquet", "--out", "x.parquet.gz"], /parquet, which is packed in itself/],
    [["--format", "csv", "--out", "x.zip"], /of no format that is written/],
    [["--format", "parquet", "--out", "x.gz"], /parquet, which is packed in itself/],
    [["--format", "parquet", "--out", "x.csv.gz"], /a name of csv, not of parquet/],
    [["--format", "csv", "--out", "BTC_USDT-1m.JSON.gz"], /a name of freqtrade, not of csv/],
  ] as const
) {
  Deno.test(`export refuses ${args.join(" ")}`, async () => {
    const parse = async () =>
      await exportKlines.run(parseArguments(exportKlines.spec, ["binance:BTC/USDT:1m", ...args]), {
        signal: new AbortController().signal,
        progress: silentProgress,
        clock: { now: () => 0 },
        stallP99Ms: () => 0,
        files: openLocalFiles({ tempDir: "unused" }),
        open: () => Promise.reject(new Error("must not be opened")),
        joinParquet: () => Promise.reject(new Error("no parquet here")),
      });
    await rejects(parse, reason);
  });
}
