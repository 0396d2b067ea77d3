import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { openStream } from "../support/stream_client.ts";
import { copyPristine } from "../support/place.ts";
import { runProgram, startProgram, waitUntil } from "../support/program.ts";

const DEMO = ["--demo"];
const CANDLES = "/api/v1/klines?exchange=simulated&symbol=BTC/USDT&interval=1m&limit=200";

/** A data directory without data, or none yet, gone after the test. */
async function withDataDir(
  test: (dataDir: string) => Promise<void>,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<void> {
  const dataDir = await Deno.makeTempDir({ prefix: "chandlery-e2e-" });
  try {
    if (!fresh) await copyPristine(`${dataDir}/data`);
    await test(`${dataDir}/data`);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

async function rowsAt(get: (path: string) => Promise<Response>, path: string): Promise<unknown[]> {
  const response = await get(path);
  const { data } = await response.json();
  return Array.isArray(data) ? data : [];
}

function openTime(row: unknown): number {
  return Array.isArray(row) ? Number(row[0]) : NaN;
}

Deno.test("demo serves a first page of both series within a minute of its start command, says it is simulated, stops cleanly and keeps all", async () => {
  await withDataDir(async (dataDir) => {
    const settings = { DATA_DIR: dataDir };
    const startedAt = performance.now();
    const first = await startProgram(settings, { args: DEMO });
    const pages = async () =>
      await Promise.all(["BTC", "ETH"].map(async (base) => {
        const rows = await rowsAt(first.get, CANDLES.replace("BTC", base));
        return rows.length;
      }));
    const timeoutMs = 60_000 - (performance.now() - startedAt);
    const both = async () => String(await pages()) === "200,200";
    equal(await waitUntil(both, { timeoutMs }), true, `${await pages()} candles in a minute`);
    match(first.log(), /SIMULATED/);
    const series = await rowsAt(first.get, "/api/v1/series");
    deepEqual(series.map((one) => JSON.stringify(one).includes('"simulated":true')), [true, true]);
    equal((await Deno.stat(`${dataDir}/admin-token`)).mode?.toString(8).slice(-3), "600");

    const [last] = await rowsAt(first.get, `${CANDLES}&limit=1`.replace("limit=200&", ""));
    const end = openTime(last) + 60_000;
    const kept = `${CANDLES}&end=${end}`;
    const before = await rowsAt(first.get, kept);

    const second = await runProgram(["serve", ...DEMO], { settings: { ...settings, PORT: "0" } });
    equal(second.code, 1);
    match(second.stderr, new RegExp(`process ${first.pid}`));
    equal(second.stderr.includes("    at "), false);

    const stopped = await first.stop("SIGTERM");
    equal(stopped.code, 0);
    equal(stopped.ms < 10_000, true);

    const again = await startProgram(settings, { args: DEMO });
    deepEqual(await rowsAt(again.get, kept), before);
    deepEqual((await again.stop("SIGINT")).code, 0);
  }, { fresh: true });
});

Deno.test("demo runs with its named permissions only", async () => {
  await withDataDir(async (dataDir) => {
    const settings = { DATA_DIR: dataDir };
    const { stdout, code } = await runProgram(["flags", "serve", ...DEMO], { settings });
    equal(code, 0);
    const flags = stdout.trim().split("\n");
    equal(flags.some((flag) => flag === "-A" || flag === "--allow-all"), false);
    equal(flags.includes(`--allow-write=${dataDir}`), true);
    const program = await startProgram(settings, { args: DEMO, flags });
    const page = () => rowsAt(program.get, CANDLES);
    equal(await waitUntil(async () => (await page()).length === 200), true);
    equal((await program.stop()).code, 0);
  });
});

Deno.test("SIGTERM ends it within 10 s while readers of the live log and of a socket hang on", async () => {
  await withDataDir(async (dataDir) => {
    const program = await startProgram({ DATA_DIR: dataDir }, { args: DEMO });
    const stream = await program.ask("/api/v1/events/stream");
    equal(stream.status, 200);
    const socket = await openStream(`${program.address.replace("http", "ws")}/compat/binance/ws`);
    const { code, ms } = await program.stop("SIGTERM");
    equal(code, 0);
    equal(ms < 10_000, true);
    equal((await socket.ended).code, 1001);
    await stream.body?.cancel().catch(() => {});
  });
});

Deno.test("kill -9 loses nothing that was served, and frees the directory", async () => {
  await withDataDir(async (dataDir) => {
    const settings = { DATA_DIR: dataDir };
    const program = await startProgram(settings, { args: DEMO });
    const page = () => rowsAt(program.get, CANDLES);
    equal(await waitUntil(async () => (await page()).length === 200), true);
    const before = await page();
    await program.stop("SIGKILL");
    const again = await startProgram(settings, { args: DEMO });
    const [from, to] = [openTime(before.at(0)), openTime(before.at(-1))];
    const kept = await rowsAt(again.get, `${CANDLES}&start=${from}&end=${to + 1}`);
    deepEqual(kept, before);
    const temporary = () => Array.fromAsync(Deno.readDir(`${dataDir}/tmp`), ({ name }) => name);
    equal((await temporary()).length, 2, "its own folder and the lock of all");
    await again.stop();
    deepEqual(await temporary(), ["lock"]);
  });
});

Deno.test("a directory of simulated candles refuses real ones, and the reverse", async () => {
  await withDataDir(async (dataDir) => {
    const settings = { DATA_DIR: dataDir };
    const program = await startProgram(settings, { args: DEMO });
    await program.stop();
    const real = await runProgram(["serve"], {
      settings: { ...settings, WATCH: "binance:BTC/USDT:1m", PORT: "0" },
    });
    equal(real.code, 1);
    match(real.stderr, /holds simulated candles .* takes no real ones/);
  });
  await withDataDir(async (dataDir) => {
    await Deno.writeTextFile(`${dataDir}/a.csv`, `${Date.UTC(2024, 0, 1)},1,2,0.5,1.5,10`);
    const settings = { DATA_DIR: dataDir, PORT: "0" };
    const args = ["import", "binance:BTC/USDT:1m", `${dataDir}/a.csv`];
    equal((await runProgram(args, { settings })).code, 0);
    const demo = await runProgram(["serve", ...DEMO], { settings });
    equal(demo.code, 1);
    match(demo.stderr, /holds real candles .* takes no simulated ones/);
  });
});

for (
  const [title, settings, args, code, sentence] of [
    ["a wrong setting", { PORT: "x" }, ["serve"], 2, /PORT/],
    ["an unknown command", {}, ["sevre"], 2, /Cannot run "sevre": the commands are serve, crawl/],
    ["an unknown option", {}, ["serve", "--deno"], 2, /option --deno is unknown/],
    [
      "an unreachable server",
      { DATABASE_URL: "postgres://u:hunter2@127.0.0.1:1/x" },
      ["serve"],
      1,
      /./,
    ],
  ] as const
) {
  Deno.test(`${title} ends the program with one clear message`, async () => {
    await withDataDir(async (dataDir) => {
      const ended = await runProgram(args, { settings: { DATA_DIR: dataDir, ...settings } });
      equal(ended.code, code, ended.stderr);
      match(ended.stderr, sentence);
      equal(/hunter2|^ {4}at /m.test(ended.stderr), false, ended.stderr);
    }, { fresh: true });
  });
}

Deno.test("help tells every command, and how one is typed", async () => {
  const all = await runProgram(["help"]);
  equal(all.code, 0);
  for (const name of ["serve", "crawl", "import", "export", "rebuild", "blobs", "job"]) {
    match(all.stdout, new RegExp(`^ {2}${name} `, "m"));
  }
  match((await runProgram(["help", "export"])).stdout, /export <series>/);
});

for (
  const [args, settings, code] of [
    [["blobs", "--orphans"], { PORT: "x" }, 2],
    [["sevre"], {}, 2],
    [["blobs", "--orphans"], {}, 1],
  ] as const
) {
  Deno.test(`"${args.join(" ")} --json" fails with one line of JSON and code ${code}`, async () => {
    await withDataDir(async (dataDir) => {
      const ended = await runProgram([...args, "--json"], {
        settings: { DATA_DIR: dataDir, ...settings },
      });
      equal(ended.code, code, ended.stderr);
      const { command, error } = JSON.parse(ended.stdout);
      deepEqual([command, error.message], [args[0], ended.stderr.trimEnd()]);
      match(error.code, /^(VALIDATION_ERROR|NOT_FOUND)$/);
    }, { fresh: true });
  });
}

Deno.test("a second process on the same data directory is refused in one sentence", () =>
  withDataDir(async (dataDir) => {
    const settings = { DATA_DIR: dataDir, CRON: "off", WATCH: "" };
    const program = await startProgram(settings);
    const second = await runProgram(["serve"], { settings: { ...settings, PORT: "0" } });
    notEqual(second.code, 0);
    match(second.stderr, new RegExp(`process ${program.pid}`));
    equal((await program.stop()).code, 0);
  }));
