import { deepEqual, equal, match } from "node:assert/strict";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import type { Command, CommandContext } from "@/cron/commands/command.ts";
import { CommandFailure, EXIT, explain } from "@/cron/commands/explain.ts";
import { runCommand } from "@/cron/commands/run_command.ts";
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

const details = [{ field: "id", message: "binance:BTC/USDT:1m is held" }];
for (
  const [title, error, code, sentence] of [
    [
      "wrong use",
      new Refusal("validation_error", "Cannot take: why"),
      EXIT.usage,
      "Cannot take: why.",
    ],
    [
      "a file that is no JSON",
      new Refusal("malformed_json", "Cannot read JSON"),
      EXIT.usage,
      "Cannot read JSON.",
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
    const { message: told, exit } = explain(error);
    deepEqual([told, exit], [message, code]);
  });
}

Deno.test("explain takes an engine's own 'Cannot read properties' for the bug that it is", () => {
  equal(explain(new TypeError("Cannot read properties of undefined")).exit, EXIT.bug);
  equal(explain(new Error("Cannot describe x")).exit, EXIT.bug);
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

for (
  const [title, error, exit, code] of [
    ["wrong use", new Refusal("validation_error", "no"), EXIT.usage, "VALIDATION_ERROR"],
    ["what is not there", new Refusal("not_found", "no"), EXIT.failed, "NOT_FOUND"],
    [
      "the world's fault",
      new AdapterError("no", { port: "lake", op: "stage", retryable: true }),
      EXIT.failed,
      "UNAVAILABLE",
    ],
    ["the database's fault", new DatabaseError("no", {}), EXIT.failed, "UNAVAILABLE"],
    ["the settings' fault", new ConfigError("no"), EXIT.usage, "VALIDATION_ERROR"],
    ["the disk's fault", new Deno.errors.NotFound("no"), EXIT.failed, "UNAVAILABLE"],
    ["a bug", new TypeError("no"), EXIT.bug, "INTERNAL"],
    ["what is no error", "no", EXIT.bug, "INTERNAL"],
  ] as const
) {
  Deno.test(`runCommand with --json tells ${title} as ${code} on standard output, too`, async () => {
    const { code: ended, out, error: told } = await run(fails(error), ["--json"]);
    equal(ended, exit);
    const [line] = out ?? [];
    deepEqual([out?.length, JSON.parse(line ?? "")], [1, {
      command: "take",
      error: { code, message: told?.[0] },
    }]);
  });
}

Deno.test("runCommand with --json tells what a failed command did do, and wrong words", async () => {
  const explained = { message: "Took half.", exit: EXIT.failed, code: "CONFLICT" };
  const { out, code, error } = await run(fails(new CommandFailure(explained, { aB: 1 })), [
    "--json",
  ]);
  deepEqual([code, error], [EXIT.failed, ["Took half."]]);
  deepEqual(out, ['{"command":"take","a_b":1,"error":{"code":"CONFLICT","message":"Took half."}}']);
  const wrong = await run(works, ["--jsn", "--json"]);
  equal(wrong.code, EXIT.usage);
  match(wrong.out?.[0] ?? "", /^{"command":"take","error":{"code":"VALIDATION_ERROR","message":"/);
});

Deno.test("runCommand with --json tells that it was stopped", async () => {
  const stopped = AbortSignal.abort();
  const { code, out } = await run(fails(stopped.reason), ["--json"], stopped);
  equal(code, EXIT.interrupted);
  match(out?.[0] ?? "", /"code":"INTERRUPTED"/);
});
