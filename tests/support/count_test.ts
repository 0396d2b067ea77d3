import { deepEqual, equal, match } from "node:assert/strict";
import { countTests, tell } from "./count.ts";

Deno.test("countTests adds up every summary of a log", () => {
  const log = [
    "running 3 tests from ./a_test.ts",
    "\x1b[0m\x1b[32mok\x1b[0m | 29 passed | 0 failed \x1b[38;5;245m(378ms)\x1b[0m",
    "ok | 2 passed (7 steps) | 0 failed | 3 ignored (1s)",
    "FAILED | 46 passed | 2 failed | 1 filtered out (1s)",
    "     [test] ok | 5 passed (183 steps) | 0 failed | 2 ignored (4m59s)",
  ].join("\n");
  deepEqual(countTests([log, "ok | 1 passed | 0 failed (1s)"]), {
    ...{ passed: 83, failed: 2, skipped: [] },
  });
});

Deno.test("countTests does not take a test's own line for a summary", () => {
  const log = "writes ok | 5 passed ... ok (3ms)\nerror: Test failed";
  deepEqual(countTests([log]), { passed: 0, failed: 1, skipped: [] });
});

Deno.test("countTests counts a run that broke off as one failure", () => {
  const log = "running 3 tests from ./a_test.ts\nerror: Module not found";
  deepEqual(countTests([log]).failed, 1);
});

Deno.test("countTests names what every run skipped, not what another run has run", () => {
  const summary = "ok | 1 passed | 0 failed | 2 ignored (1s)";
  const embedded = `a ... ok (1s)\nb on a server ... \x1b[33mignored\x1b[0m (0ms)\n` +
    `c [real data] ... ignored (0ms)\n${summary}`;
  const server = `b on a server ... ok (1s)\nc [real data] ... ignored (0ms)\n${summary}`;
  deepEqual(countTests([embedded]).skipped, ["b on a server", "c [real data]"]);
  deepEqual(countTests([embedded, server]).skipped, ["c [real data]"]);
});

Deno.test("tell counts tests that lack what they need as failed, unless that is allowed", () => {
  const data = { passed: 5, failed: 0, skipped: ["b on a server", "c [real data]"] };
  const { lines, good } = tell(data, {});
  deepEqual([lines[0], lines[2], good], [
    "== 2 tests were skipped: b on a server; c [real data]",
    ...["5 passed, 1 failed", false],
  ]);
  match(lines[1] ?? "", /^== the real market data is missing: .*SHARED_DATA.*ALLOW_MISSING_DATA=1/);
  deepEqual(tell(data, { ALLOW_MISSING_DATA: true }), {
    lines: ["== 2 tests were skipped: b on a server; c [real data]", "5 passed, 0 failed"],
    good: true,
  });
  const both = { ...data, skipped: ["c [real data]", "d [real browser]", "e [real browser]"] };
  const told = tell(both, { ALLOW_MISSING_DATA: true }).lines;
  match(told[1] ?? "", /^== Chromium is missing: .*BROWSER_PATH.*ALLOW_MISSING_BROWSER=1/);
  equal(told[2], "5 passed, 2 failed");
  equal(tell(both, { ALLOW_MISSING_BROWSER: true }).lines.at(-1), "5 passed, 1 failed");
  equal(tell({ passed: 0, failed: 0, skipped: [] }, { ALLOW_MISSING_DATA: true }).good, false);
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
  const without = await log(
    "a [real data] ... ignored (0ms)\nok | 2 passed | 0 failed | 1 ignored",
  );
  const blind = await log(
    "a [real browser] ... ignored (0ms)\nok | 2 passed | 0 failed | 1 ignored",
  );
  const cases = [
    [[good, good], "4 passed, 0 failed\n", 0],
    [[good, bad], "4 passed, 1 failed\n", 1],
    [[good, broken], "2 passed, 1 failed\n", 1],
    [[good, without], "4 passed, 1 failed\n", 1],
    [[good, blind], "4 passed, 1 failed\n", 1],
  ] as const;
  for (const [paths, line, code] of cases) {
    const script = new URL("./count.ts", import.meta.url).pathname;
    const command = new Deno.Command(Deno.execPath(), {
      env: { ALLOW_MISSING_DATA: "", ALLOW_MISSING_BROWSER: "" },
      args: ["run", "--quiet", "--allow-read", "--allow-env", script, ...paths],
    });
    const output = await command.output();
    equal(new TextDecoder().decode(output.stdout).split("\n").slice(-2).join("\n"), line);
    equal(output.code, code);
  }
  for (const path of [good, bad, broken, without, blind]) await Deno.remove(path);
});
