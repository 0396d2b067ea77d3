import { deepEqual } from "node:assert/strict";

const SIGNALS = new URL("../../../adapters/process/signals.ts", import.meta.url).href;

/** Runs a program with our handlers and answers its exit code and what it printed. */
async function run(program: string): Promise<[code: number, printed: string]> {
  const source = `import { onStopSignal, onUncaught } from "${SIGNALS}";
    const say = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text));
    ${program}`;
  const command = new Deno.Command(Deno.execPath(), { args: ["eval", source], stderr: "null" });
  const { code, stdout } = await command.output();
  return [code, new TextDecoder().decode(stdout)];
}

for (
  const [what, thrown] of [
    ["an error", 'setTimeout(() => { throw new Error("broke"); });'],
    ["a rejection", 'void Promise.reject(new Error("broke"));'],
  ] as const
) {
  Deno.test(`onUncaught decides how the process ends after ${what} that nobody caught`, async () => {
    const ended = await run(`
      onUncaught((error) => { say(error.message); Deno.exit(70); });
      ${thrown}
      setTimeout(() => {}, 60_000);`);
    deepEqual(ended, [70, "broke"]);
  });
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  Deno.test(`onStopSignal hears ${signal} and leaves the end to the listener`, async () => {
    const ended = await run(`
      onStopSignal((signal) => { say(signal); Deno.exit(0); });
      Deno.kill(Deno.pid, "${signal}");
      setTimeout(() => {}, 60_000);`);
    deepEqual(ended, [0, signal]);
  });
}
