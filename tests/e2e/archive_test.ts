import { createHash } from "node:crypto";
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { databases, type TestDatabase } from "../support/database.ts";
import {
  type AtWork,
  exported,
  type Fingerprint,
  fingerprint,
  newFiles,
  runKilled,
  runToEnd,
  type Scene,
  seeded,
} from "../support/kill.ts";
import { copyPristine } from "../support/place.ts";
import { type Ended, runProgram, startProgram, waitUntil } from "../support/program.ts";

const SERIES = "binance:BTC/USDT:1m";
const MINUTE = 60_000;
const DAY = 86_400_000;
/** One for each time that a step is over before its killer comes, and the first. */
const MONTHS = 10;
const FINER_ROWS = 300;
const MOST_FINER = 8;

/** Printed with a failure: the same seed kills at the same moments. */
const SEED = Number(Deno.env.get("KILL_SEED") ?? Date.now() % 1_000_000);

interface ArchiveScene extends Omit<Scene, "remove"> {
  /** As if a server's database had waited long enough to know who is gone. */
  forgetKilled(): Promise<void>;
}

async function withScene(
  { name, open }: TestDatabase,
  work: (scene: ArchiveScene) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "archive-" });
  const { database, url, close } = name === "postgres"
    ? await open()
    : { database: undefined, url: undefined, close: () => Promise.resolve() };
  if (url === undefined) await copyPristine(`${folder}/data`);
  const settings = {
    ...{ DATA_DIR: `${folder}/data`, LOG_LEVEL: "error", CRON: "off", WATCH: "none" },
    ...{ HOT_DAYS: "36500", ...(url === undefined ? {} : { DATABASE_URL: url }) },
  };
  try {
    await work({
      ...{ folder, settings },
      async forgetKilled() {
        await database?.query("update crawler_lease set beat_at = '-infinity'");
      },
    });
  } finally {
    await close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Months with some candles each, in two batches a month, of which the second revises. */
async function fill(
  { folder, settings }: Omit<Scene, "remove">,
  { months, rows }: { readonly months: number; readonly rows: number },
): Promise<void> {
  const csv = (from: number, rows: number, volume: string) =>
    Array.from({ length: rows }, (_, i) => {
      const price = (100 + Math.sin(i / 50)).toFixed(2);
      return [from + i * MINUTE, price, "200", "1", price, volume].join(",");
    });
  for (const [at, volume] of [[0, "1.5"], [1, "2.25"]] as const) {
    const lines = Array.from(
      { length: months },
      (_, month) => csv(Date.UTC(2023, month, 3), at === 0 ? rows : 400, volume),
    ).flat();
    await Deno.writeTextFile(`${folder}/${at}.csv`, lines.join("\n"));
    await runToEnd(["import", SERIES, `${folder}/${at}.csv`], settings);
  }
}

/** A month more, whose volumes have more decimals than all before: the n-th has the most. */
async function importFiner(
  { folder }: Omit<Scene, "remove">,
  settings: Scene["settings"],
  n: number,
): Promise<void> {
  const volume = `1.${"1".repeat(3 + n)}`;
  const lines = Array.from(
    { length: FINER_ROWS },
    (_, i) => [Date.UTC(2024, n, 3) + i * MINUTE, 100, 200, 1, 100, volume].join(","),
  );
  await Deno.writeTextFile(`${folder}/finer.csv`, lines.join("\n"));
  await runToEnd(["import", SERIES, `${folder}/finer.csv`], settings);
}

/** As if everything had been put days ago, so that blobs may go. */
async function age({ folder }: Omit<Scene, "remove">): Promise<void> {
  const then = new Date(Date.now() - 3 * DAY);
  for await (const path of filesBelow(`${folder}/data/blobs`)) await Deno.utime(path, then, then);
}

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesBelow(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

/** A step of a run: what shows that it is at it, and the line that tells its end. */
interface Step {
  readonly name: string;
  readonly atWork: (settings: Scene["settings"]) => AtWork | Promise<AtWork>;
  readonly end: string;
}

/** The blobs of the period files: each is known by its readable name too. */
async function periodBlobs(dataDir: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of filesBelow(`${dataDir}/lake/binance/BTC-USDT/1m`)) {
    if (path.includes("/revisions/")) continue;
    const sha256 = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
    paths.push(`${dataDir}/blobs/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`);
  }
  return paths.toSorted();
}

/** Runs with these files out of the way, and puts them back. */
async function without<T>(paths: readonly string[], work: () => Promise<T>): Promise<T> {
  for (const path of paths) await Deno.rename(path, `${path}-aside`);
  try {
    return await work();
  } finally {
    for (const path of paths) await Deno.rename(`${path}-aside`, path);
  }
}

/** In the place of a file a pipe: whoever reads it waits, and we know that somebody does. */
async function killAtReading(path: string, settings: Scene["settings"]): Promise<boolean> {
  return await without([path], async () => {
    equal((await new Deno.Command("mkfifo", { args: [path] }).output()).code, 0);
    let isRead = false;
    const opening = Deno.open(path, { write: true });
    void opening.then(() => isRead = true);
    const args = ["archive", "--series", SERIES];
    const killed = await runKilled(args, settings, { atWork: () => isRead, waitMs: 20 });
    if (!isRead) (await Deno.open(path, { read: true })).close();
    (await opening).close();
    await Deno.remove(path);
    return killed;
  });
}

const past = (line: string) => () => (said: string) => said.includes(line);
const STEPS: readonly Step[] = [
  { name: "file", atWork: newFiles, end: "file candles: " },
  { name: "file and drop", atWork: newFiles, end: "file candles: " },
  { name: "drop", atWork: past("rescale files: "), end: "drop rows: " },
  { name: "compact", atWork: past("drop rows: "), end: "compact batches: " },
  { name: "delete", atWork: past("compact batches: "), end: "delete blobs: " },
];

/** Kills an archive run of what ends before a month, in this step; false when it was past it. */
async function killIn(
  { atWork, end }: Step,
  { settings, month, waitMs }: Pick<Scene, "settings"> & { month: number; waitMs: number },
): Promise<boolean> {
  let heard = "";
  const isAtWork = await atWork(settings);
  const killed = await runKilled(["archive", "--before", after(month)], settings, {
    atWork: (said) => isAtWork(said),
    heard: (said) => void (heard = said),
    ...{ waitMs, everyMs: 5 },
  });
  return killed && !heard.includes(end);
}

/** The day on which the n-th month is over. */
function after(month: number): string {
  return new Date(Date.UTC(2023, month, 1)).toISOString().slice(0, 10);
}

function said({ code, stdout, stderr }: Ended): string {
  equal(code, 0, stderr);
  return stdout;
}

for (const database of databases()) {
  Deno.test(`archive killed with -9 at each of its steps ends as an undisturbed one on ${database.name} (seed ${SEED})`, () =>
    withScene(database, async (scene) => {
      const { settings } = scene;
      await fill(scene, { months: MONTHS, rows: 1_000 });
      const before = await fingerprint(settings, SERIES);
      const random = seeded(SEED);
      const hot = { ...settings, HOT_DAYS: "1" };
      let month = 1;
      for (const step of STEPS) {
        const how = step.name === "file" ? settings : hot;
        for (let waitMs = 20 * random();; waitMs = 0) {
          await age(scene);
          // What the same run files goes while it files: here all that goes was filed before.
          if (step.name === "drop") await runToEnd(["archive", "--before", after(month)], settings);
          const killed = await killIn(step, { settings: how, month, waitMs });
          await scene.forgetKilled();
          if (killed) break;
          // It was quicker: the next month has work for another try.
          ok(++month <= MONTHS, `never killed in step ${step.name}`);
        }
        equal((await exported(how, SERIES)).csv, before.csv, step.name);
      }
      await age(scene);
      await runToEnd(["archive"], hot);
      const ended = await fingerprint(hot, SERIES);
      deepEqual([ended.csv, ended.rows, ended.logIsDense], [before.csv, before.rows, true]);
      const blobs = await Array.fromAsync(filesBelow(`${settings.DATA_DIR}/blobs`));
      await runToEnd(["rebuild", "--all"], hot);
      deepEqual(await fingerprint(hot, SERIES), ended);
      // A file and the revisions of each month: every batch has gone.
      equal(blobs.length, 2 * MONTHS);

      const files = await periodBlobs(settings.DATA_DIR ?? "");
      equal(files.length, MONTHS);
      ok(await killAtReading(files[3] ?? "", hot), "never killed in step verify");
      await scene.forgetKilled();
      equal((await exported(hot, SERIES)).csv, before.csv, "verify");

      const narrow = { name: "rescale", atWork: past("file candles: "), end: "rescale files: " };
      let wider: Pick<Fingerprint, "csv" | "rows"> = before;
      for (let finer = 1;; finer++) {
        ok(finer <= MOST_FINER, "never killed in step rescale");
        // What needs more decimals finds the other files gone, and leaves them to the archive.
        const others = await periodBlobs(settings.DATA_DIR ?? "");
        await without(others, () => importFiner(scene, hot, finer));
        wider = await exported(hot, SERIES);
        equal(wider.rows, before.rows + finer * FINER_ROWS);
        const waitMs = finer === 1 ? 20 * random() : 0;
        const killed = await killIn(narrow, { settings: hot, month: 12 + MONTHS, waitMs });
        await scene.forgetKilled();
        equal((await exported(hot, SERIES)).csv, wider.csv, "rescale");
        if (killed) break;
      }
      const report = await runProgram(["archive", "--json"], { settings: hot });
      equal(report.code, 0, report.stderr);
      equal((await exported(hot, SERIES)).csv, wider.csv);
      const written = new Set(await periodBlobs(settings.DATA_DIR ?? ""));
      deepEqual(files.filter((path) => written.has(path)), [], "each was written again");
    }));
}

/** On a server's database a command acts itself, whoever runs beside it. */
const embedded = databases().filter(({ name }) => name === "pglite");

for (const pglite of embedded) {
  Deno.test("archive: tells, does and reports on a stopped installation and on a running one", () =>
    withScene(pglite, async (scene) => {
      const { settings } = scene;
      await fill(scene, { months: 4, rows: 3_000 });
      const run = async (args: readonly string[], how = settings) =>
        said(await runProgram(["archive", ...args], { settings: how }));
      equal(
        await run(["--dry-run", "--before", "2023-03-01"]),
        "Would file 2 periods with 6,000 candles and drop 0 rows.\n",
      );
      match(
        await run(["--before", "2023-02-01", "--series", SERIES]),
        /^Filed 1 period with 3,000 candles: [\d.]+ [kM]B of rows are [\d.]+ kB of files \([\d.]+ bytes a candle\)\.\nDropped 0 rows\.\n$/,
      );
      const program = await startProgram({ ...settings, HOT_DAYS: "1" });
      try {
        const facts = JSON.parse(await run(["--json"]));
        deepEqual([facts.command, facts.periods_filed, facts.rows_filed, facts.rows_dropped], [
          ...["archive", 3, 9_000, 12_000],
        ]);
        const dataOf = async (path: string) => (await (await program.ask(path)).json()).data;
        // The command hears of the end before the read models do.
        const isShown = async () =>
          (await dataOf("/admin/projections")).every(({ lag }: { lag: number }) => lag === 0);
        equal(await waitUntil(isShown), true);
        const data = await dataOf("/admin/archive");
        deepEqual(data.totals.hot_rows, 0);
        deepEqual(data.runs.map((one: { rows_filed: number }) => one.rows_filed), [9_000, 3_000]);
        const byHand = await dataOf("/admin/crawler/logs?source=archive");
        deepEqual(
          byHand.map((one: Record<string, unknown>) => [one.status, one.trigger]),
          [["succeeded", "manual"], ["succeeded", "manual"]],
        );
        const unknown = await runProgram(["archive", "--series", "binance:NIX/USDT:1m"], {
          settings,
        });
        equal(unknown.code, 1);
        match(unknown.stderr, /Cannot find series binance:NIX\/USDT:1m/);
      } finally {
        equal((await program.stop()).code, 0);
      }
    }));
}
