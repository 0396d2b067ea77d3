import { deepEqual, equal, match } from "node:assert/strict";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import type { Command, CommandContext } from "@/cron/commands/command.ts";
import { EXIT, explain, runCommand } from "@/cron/commands/run_command.ts";
import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { MemoryInstallation } from "../../support/memory_installation.ts";

function command(run: Command["run"]): Command {
  return { spec: { name: "take", summary: "takes", positionals: [], options: {} }, run };
}

async function run(given: Command, args: string[], signal = new AbortController().signal) {
  const [out, error]: string[][] = [[], []];
  const context: CommandContext = {
    signal,
    progress: silentProgress,
    clock: { now: () => 0 },
    stallP99Ms: () => 0,
    files: openLocalFiles({ tempDir: "unused" }),
    open: () => Promise.resolve(new MemoryInstallation()),
    joinParquet: () => Promise.resolve(),
  };
  const output = {
    out: (line: string) => out?.push(line),
    error: (line: string) => error?.push(line),
  };
  const code = await runCommand(given, args, { context, output });
  return { code, out, error };
}

const works = command(() =>
  Promise.resolve({
    lines: ["Took 3.", "Left 1."],
    facts: { heldBetter: 3, at: new Date(0), of: [{ aB: 1 }] },
  })
);

function fails(error: unknown): Command {
  return command(() => Promise.reject(error));
}

Deno.test("runCommand prints sentences on success", async () => {
  deepEqual(await run(works, []), { code: EXIT.ok, out: ["Took 3.", "Left 1."], error: [] });
});

Deno.test("runCommand prints one line of snake_case JSON with --json", async () => {
  const { out, code } = await run(works, ["--json"]);
  equal(code, EXIT.ok);
  deepEqual(out, [
    '{"command":"take","held_better":3,"at":"1970-01-01T00:00:00.000Z","of":[{"a_b":1}]}',
  ]);
});

Deno.test("runCommand shows the usage with --help and runs nothing", async () => {
  const { out, code } = await run(fails(new Error("ran")), ["--help"]);
  equal(code, EXIT.ok);
  match(out?.join() ?? "", /^take\n {2}takes/);
});

const details = [{ message: "binance:BTC/USDT:1m is held" }];
for (
  const [title, error, code, sentence] of [
    [
      "wrong use",
      new Refusal("validation_error", "Cannot take: why"),
      EXIT.usage,
      "Cannot take: why.",
    ],
    [
      "what is not there, with near matches",
      new Refusal("not_found", "Cannot find series x", { details }),
      EXIT.failed,
      "Cannot find series x. binance:BTC/USDT:1m is held.",
    ],
    [
      "the world's fault, with a hint",
      new AdapterError("Cannot reach binance", {
        port: "exchange",
        op: "time",
        retryable: true,
        hint: "Look at the network.",
      }),
      EXIT.failed,
      "Cannot reach binance. Look at the network.",
    ],
    [
      "the database's fault on one line",
      new DatabaseError("no space\n  left", { sqlstate: "53100" }),
      EXIT.failed,
      "The database refused: no space; left.",
    ],
  ] as const
) {
  Deno.test(`runCommand tells ${title} in one sentence on standard error, without a stack`, async () => {
    deepEqual(await run(fails(error), []), { code, out: [], error: [sentence] });
  });
}

class BlobLost extends Error {
  override readonly name = "BlobLost";
}

class ConfigError extends Error {
  override readonly name = "ConfigError";
}

for (
  const [title, error, code, message] of [
    [
      "errors with a name of their own",
      new BlobLost("Cannot read blob x"),
      1,
      "Cannot read blob x.",
    ],
    [
      "what the file system refuses",
      new Deno.errors.PermissionDenied("Permission denied (os error 13): mkdir '/x'"),
      1,
      "Cannot use the disk: Permission denied (os error 13): mkdir '/x'.",
    ],
    [
      "every wrong setting on a line",
      new ConfigError("PORT: expected a number\nHOST: expected a host"),
      2,
      "Cannot read the settings:\n  PORT: expected a number\n  HOST: expected a host",
    ],
  ] as const
) {
  Deno.test(`explain tells ${title} without a stack`, () => {
    deepEqual(explain(error), { message, code });
  });
}

Deno.test("explain takes an engine's own 'Cannot read properties' for the bug that it is", () => {
  equal(explain(new TypeError("Cannot read properties of undefined")).code, EXIT.bug);
  equal(explain(new Error("Cannot describe x")).code, EXIT.bug);
});

Deno.test("runCommand shows the stack of a bug and exits with 70", async () => {
  const { code, error } = await run(fails(new TypeError("x is undefined")), []);
  equal(code, EXIT.bug);
  match(error?.join() ?? "", /^Internal error: TypeError: x is undefined\n +at /);
});

Deno.test("runCommand exits with 130 when it was stopped", async () => {
  const stopped = AbortSignal.abort();
  const { code, error } = await run(fails(stopped.reason), [], stopped);
  deepEqual([code, error], [EXIT.interrupted, ["Stopped; run it again to go on."]]);
});
