import { stripVTControlCharacters } from "node:util";

/** What test runs printed, added up. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
  /** Titles of tests that no run has run: one run may skip what another one has. */
  readonly skipped: readonly string[];
}

const SUMMARY =
  /^ *(?:\[\S+\] )?(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed/gm;
const OUTCOME = /^(\S.*) \.\.\. (ok|FAILED|ignored)\b/gm;

/** Adds up the summaries of `deno test` in logs; a log without one is a run that broke off: one failure. */
export function countTests(logs: readonly string[]): Count {
  const plain = logs.map(stripVTControlCharacters);
  const summaries = plain.map((log) => [...log.matchAll(SUMMARY)]);
  const all = summaries.flat();
  const brokeOff = summaries.filter((found) => found.length === 0).length;
  const outcomes = plain.flatMap((log) => [...log.matchAll(OUTCOME)]);
  const titles = (ignored: boolean) =>
    new Set(
      outcomes.filter(([, , how]) => (how === "ignored") === ignored).map(([, title = ""]) =>
        title
      ),
    );
  return {
    passed: all.reduce((sum, [, passed]) => sum + Number(passed), 0),
    failed: all.reduce((sum, [, , failed]) => sum + Number(failed), brokeOff),
    skipped: [...titles(true).difference(titles(false))].sort(),
  };
}

/** What tests need that a machine may lack: how their titles end, and what is to be done. */
const LACKING = [
  {
    mark: "[real data]",
    setting: "ALLOW_MISSING_DATA",
    missing: "the real market data is missing: put it into ../shared/data, name its folder in " +
      "SHARED_DATA, or set ALLOW_MISSING_DATA=1 to do without",
  },
  {
    mark: "[real browser]",
    setting: "ALLOW_MISSING_BROWSER",
    missing: "Chromium is missing: install it, name one in BROWSER_PATH, or set " +
      "ALLOW_MISSING_BROWSER=1 to do without",
  },
] as const;

export type Allowed = Readonly<Partial<Record<typeof LACKING[number]["setting"], boolean>>>;

/** The lines that end a CI run: the last one is the count. A test that lacks what it needs has failed. */
export function tell(
  { passed, failed, skipped }: Count,
  allowed: Allowed,
): { readonly lines: readonly string[]; readonly good: boolean } {
  const lacking = LACKING.map(({ mark, setting, missing }) => {
    const titles = skipped.filter((title) => title.includes(mark));
    return { missing, count: allowed[setting] === true ? 0 : titles.length };
  }).filter(({ count }) => count > 0);
  const failures = lacking.reduce((sum, { count }) => sum + count, failed);
  const tests = skipped.length === 1 ? "1 test was" : `${skipped.length} tests were`;
  return {
    lines: [
      ...(skipped.length === 0 ? [] : [`== ${tests} skipped: ${skipped.join("; ")}`]),
      ...lacking.map(({ missing }) => `== ${missing}`),
      `${passed} passed, ${failures} failed`,
    ],
    good: failures === 0 && passed > 0,
  };
}

if (import.meta.main) {
  const logs = await Promise.all(Deno.args.map((path) => Deno.readTextFile(path)));
  const allowed: Allowed = Object.fromEntries(
    LACKING.map(({ setting }) => [setting, Deno.env.get(setting) === "1"]),
  );
  const { lines, good } = tell(countTests(logs), allowed);
  await Deno.stdout.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
  if (!good) Deno.exit(1);
}
