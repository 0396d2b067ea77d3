import { deepEqual, equal } from "node:assert/strict";
import { countTests } from "./count.ts";

Deno.test("countTests adds up every summary of a log", () => {
  const log = [
    "running 3 tests from ./a_test.ts",
    "\x1b[0m\x1b[32mok\x1b[0m | 29 passed | 0 failed \x1b[38;5;245m(378ms)\x1b[0m",
    "ok | 2 passed (7 steps) | 0 failed | 3 ignored (1s)",
    "FAILED | 46 passed | 2 failed | 1 filtered out (1s)",
    "     [test] ok | 5 passed (183 steps) | 0 failed | 2 ignored (4m59s)",
  ].join("\n");
  deepEqual(countTests(log), { passed: 82, failed: 2 });
});

Deno.test("countTests does not take a test's own line for a summary", () => {
  equal(countTests("writes ok | 5 passed ... ok (3ms)\nerror: Test failed"), undefined);
});

Deno.test("countTests knows a run that broke off", () => {
  equal(countTests("running 3 tests from ./a_test.ts\nerror: Module not found"), undefined);
});

Deno.test("the count line ends CI, with a failing exit code for a failed or missing run", async () => {
  const log = async (text: string) => {
    const path = await Deno.makeTempFile();
    await Deno.writeTextFile(path, text);
    return path;
  };
  const good = await log("ok | 2 passed | 0 failed (1s)");
  const bad = await log("FAILED | 2 passed | 1 failed (1s)");
  const broken = await log("error: cannot start");
  const cases = [
    [[good, good], "4 passed, 0 failed\n", 0],
    [[good, bad], "4 passed, 1 failed\n", 1],
    [[good, broken], "2 passed, 1 failed\n", 1],
  ] as const;
  for (const [paths, line, code] of cases) {
    const script = new URL("./count.ts", import.meta.url).pathname;
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-read", script, ...paths],
    });
    const output = await command.output();
    equal(new TextDecoder().decode(output.stdout), line);
    equal(output.code, code);
  }
  for (const path of [good, bad, broken]) await Deno.remove(path);
});
