import { deepEqual, equal, match } from "node:assert/strict";
import { createHash } from "node:crypto";
import { copyPristine } from "../support/place.ts";
import { runProgram, type Settings, startProgram } from "../support/program.ts";
import { realDataTest, SHARED_DATA } from "../support/shared_data.ts";

interface Mirror {
  readonly series: string;
  /** Of the shared data. */
  readonly file: string;
  readonly range: readonly string[];
  /** Columns of the csv that the first one holds. */
  readonly columns: number;
  readonly rows: number;
}

/** Reads the series from one installation into another, which takes it for Binance; answers both. */
async function mirrored(
  { series, file, range, rows }: Mirror,
  test: (first: Settings, second: Settings, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "chandlery-mirror-" });
  const common = { WATCH: "none", CRON: "off", LOG_LEVEL: "error" };
  const first = { ...common, DATA_DIR: `${folder}/first` };
  await copyPristine(`${folder}/first`);
  await copyPristine(`${folder}/second`);
  try {
    const imported = await runProgram(["import", series, `${SHARED_DATA}/${file}`], {
      settings: first,
    });
    equal(imported.code, 0, imported.stderr);
    const program = await startProgram(first);
    const second = {
      ...{ ...common, DATA_DIR: `${folder}/second` },
      EXCHANGE_URLS: JSON.stringify({ binance: `${program.address}/compat/binance` }),
    };
    try {
      const args = ["crawl", series, ...range, "--json"];
      const crawled = await runProgram(args, { settings: second });
      equal(crawled.code, 0, crawled.stderr);
      equal(JSON.parse(crawled.stdout).ingested, rows);
      const again = await runProgram(args, { settings: second });
      deepEqual([again.code, JSON.parse(again.stdout).ingested], [0, 0], again.stderr);
    } finally {
      equal((await program.stop()).code, 0);
    }
    await test(first, second, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function exported(
  settings: Settings,
  { series, range: [, from = "", , to = ""] }: Mirror,
  out: string,
): Promise<string> {
  const args = ["export", series, "--from", from, "--to", to, "--out", out];
  const { code, stderr } = await runProgram(args, { settings });
  equal(code, 0, stderr);
  return await Deno.readTextFile(out);
}

/** Of each of the first columns. */
function checksums(csv: string, columns: number): readonly string[] {
  const rows = csv.trimEnd().split("\n").map((line) => line.split(","));
  return Array.from({ length: columns }, (_, i) => {
    const hash = createHash("sha256");
    for (const row of rows) hash.update(`${row[i]}\n`);
    return hash.digest("hex");
  });
}

const MIRRORS: Readonly<Record<string, Mirror>> = {
  "four years of hours, all columns": {
    ...{ series: "binance:BTC/USDT:1h", file: "spot/BTCUSDT-1h.csv.gz", columns: 11 },
    ...{ range: ["--since", "2022-01-01", "--until", "2026-05-01"], rows: 37_923 },
  },
  "minutes of which 20,401 begin 20.799 s late": {
    ...{ series: "binance:BTC/USDT:1m", file: "spot_1m/BTCUSDT-1m-2017.csv.gz", columns: 6 },
    ...{ range: ["--since", "2017-12-01", "--until", "2017-12-20"], rows: 27_284 },
  },
};

for (const [what, mirror] of Object.entries(MIRRORS)) {
  realDataTest(
    `one Chandlery crawls another and ends with identical checksums: ${what}`,
    async () => {
      await mirrored(mirror, async (first, second, folder) => {
        const [one, two] = [
          await exported(first, mirror, `${folder}/first.csv`),
          await exported(second, mirror, `${folder}/second.csv`),
        ];
        match(one, /^open_time,/);
        equal(one.split("\n").length, mirror.rows + 2);
        deepEqual(checksums(two, mirror.columns), checksums(one, mirror.columns));
      });
    },
  );
}
