import { deepEqual, equal } from "node:assert/strict";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import { parseArguments } from "@/cron/commands/arguments.ts";
import { CommandFailure } from "@/cron/commands/explain.ts";
import { importKlines } from "@/cron/commands/import.ts";
import { Refusal } from "@/domain/decider.ts";
import { type ImportCounts, NOTHING_IMPORTED } from "@/domain/klines/import_counts.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { ImportRequest, ImportWork } from "@/domain/ports/installation.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { MemoryInstallation } from "../../support/memory_installation.ts";

type Take = (request: ImportRequest, work: ImportWork) => Promise<ImportCounts>;

/** Takes files in as the test says, and remembers the names it was given together. */
class ScriptedInstallation extends MemoryInstallation {
  readonly batches: string[] = [];
  constructor(readonly take: Take) {
    super();
  }

  override async importFiles(request: ImportRequest, work?: ImportWork): Promise<ImportCounts> {
    this.batches.push(request.files.map(({ name }) => shortName(name)).join(""));
    if (work === undefined) throw new Error("no work");
    return await this.take(request, work);
  }
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1).replace(".csv", "");
}

async function run(take: Take, names: readonly string[], signal = new AbortController().signal) {
  const installation = new ScriptedInstallation(take);
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    const paths = names.map((name) => `${folder}/${name}.csv`);
    for (const path of paths) await Deno.writeTextFile(path, "1609459200000,1,2,0.5,1.5,10\n");
    const args = parseArguments(importKlines.spec, ["binance:BTC/USDT:1m", ...paths]);
    const outcome = await importKlines.run(args, {
      ...{ signal, progress: silentProgress, clock: { now: () => 0 }, stallP99Ms: () => 0 },
      files: openLocalFiles({ tempDir: "unused" }),
      open: () => Promise.resolve(installation),
      joinParquet: () => Promise.resolve(),
    }).catch((error: unknown) => error);
    const failure = outcome instanceof CommandFailure ? outcome : undefined;
    const message = failure?.message.replaceAll(`${folder}/`, "");
    return { outcome, failure, message, batches: installation.batches };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const full = new AdapterError("Cannot write blob: the disk is full", {
  ...{ port: "blobs", op: "put", retryable: true, hint: "Free disk space" },
});
const unreadable = new Refusal("malformed_json", "Cannot read the JSON: it ends too early");
const took = (ingested: number): ImportCounts => ({ ...NOTHING_IMPORTED, ingested });

function refuse(bad: string): Take {
  return ({ files }, { added }) => {
    if (files.some(({ name }) => shortName(name) === bad)) return Promise.reject(unreadable);
    added(files.length);
    return Promise.resolve(took(files.length));
  };
}

Deno.test("import names the unreadable file of a batch and keeps those before it", async () => {
  const { message, failure, batches } = await run(refuse("c"), ["a", "b", "c", "d"]);
  equal(
    message,
    "Cannot import c.csv, file 3 of 4: cannot read the JSON: it ends too early. " +
      "2 candles added until then.",
  );
  deepEqual([failure?.explained.exit, failure?.explained.code], [2, "MALFORMED_JSON"]);
  deepEqual(batches, ["abcd", "a", "b", "c"]);
  equal(failure?.facts.added, 2);
});

Deno.test("import of one unreadable file tries it once", async () => {
  const { message, batches } = await run(refuse("a"), ["a"]);
  equal(
    message,
    "Cannot import a.csv: cannot read the JSON: it ends too early. No candle was added.",
  );
  deepEqual(batches, ["a"]);
});

for (
  const [title, take, sentence] of [
    [
      "the files that were worked on together",
      (_, { added }) => {
        added(1_500);
        return Promise.reject(full);
      },
      "Cannot import 3 files, a.csv to c.csv: cannot write blob: the disk is full. " +
      "Free disk space. 1,500 candles added until then. Run it again to go on.",
    ],
    [
      "the file that was reached",
      ({ files: [, b] }, { reached, added }) => {
        added(40);
        if (b !== undefined) reached(b);
        return Promise.reject(full);
      },
      "Cannot import b.csv, file 2 of 3: cannot write blob: the disk is full. " +
      "Free disk space. 40 candles added until then. Run it again to go on.",
    ],
    [
      "no count that nobody knows",
      (_, { added }) => {
        added(7);
        added(undefined);
        added(7);
        return Promise.reject(
          new AdapterError("Cannot reach it", {
            ...{
              port: "remote",
              op: "POST",
              retryable: true,
              hint: "Run the command again to go on",
            },
          }),
        );
      },
      "Cannot import 3 files, a.csv to c.csv: cannot reach it. Run the command again to go on.",
    ],
  ] satisfies [string, Take, string][]
) {
  Deno.test(`import that fails half-way tells ${title}`, async () => {
    const { message, failure } = await run(take, ["a", "b", "c"]);
    equal(message, sentence);
    equal(failure?.explained.exit, 1);
  });
}

Deno.test("import leaves bugs and a stop as they are", async () => {
  const bug = new TypeError("x is undefined");
  equal((await run(() => Promise.reject(bug), ["a"])).outcome, bug);
  const stop = new AbortController();
  const stopped = await run(
    () => {
      stop.abort();
      return Promise.reject(full);
    },
    ["a"],
    stop.signal,
  );
  equal(stopped.outcome, full);
});

Deno.test("import of which every row was rejected fails with the first one, its reason and its text", async () => {
  const rejected = [{ row: 1, reason: "bad_time", values: "nonsense,1,2\n,0.5" }];
  const take = () => Promise.resolve({ ...NOTHING_IMPORTED, rejectedTotal: 1_200, rejected });
  const { message, failure } = await run(take, ["a", "b"]);
  equal(
    message,
    "Cannot take in any candle: 1,200 rows rejected, first row 1, bad_time: nonsense,1,2 ,0.5.",
  );
  deepEqual([failure?.explained.exit, failure?.facts.rejectedTotal], [1, 1_200]);
});

Deno.test("import with a few rejected rows succeeds and shows the first", async () => {
  const rejected = [{ row: 4, reason: "ohlc_violation", values: "5,1,2,3,4,5" }];
  const take = () => Promise.resolve({ ...took(2), rejectedTotal: 1, rejected });
  const { outcome } = await run(take, ["a"]);
  deepEqual(Object.entries(outcome ?? {}).find(([name]) => name === "lines")?.[1], [
    "Imported 1 file into binance:BTC/USDT:1m: 2 new, 1 rejected.",
    "First rejected: row 4, ohlc_violation: 5,1,2,3,4,5.",
  ]);
});

Deno.test("import of no row at all, or of rows that are held, is no failure", async () => {
  for (
    const counts of [NOTHING_IMPORTED, { ...NOTHING_IMPORTED, unchanged: 1, rejectedTotal: 1 }]
  ) {
    const { outcome } = await run(() => Promise.resolve(counts), ["a"]);
    equal(outcome instanceof Error, false);
  }
});
