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

/** The lines that end a CI run: the last one is the count. A test that lacks its real data has failed. */
export function tell(
  { passed, failed, skipped }: Count,
  { allowMissingData }: { readonly allowMissingData: boolean },
): { readonly lines: readonly string[]; readonly good: boolean } {
  const lacking = skipped.filter((title) => title.includes("[real data]"));
  const failures = failed + (allowMissingData ? 0 : lacking.length);
  const tests = skipped.length === 1 ? "1 test was" : `${skipped.length} tests were`;
  const missing = "the real market data is missing: put it into ../shared/data, name its folder " +
    "in SHARED_DATA, or set ALLOW_MISSING_DATA=1 to do without";
  return {
    lines: [
      ...(skipped.length === 0 ? [] : [`== ${tests} skipped: ${skipped.join("; ")}`]),
      ...(lacking.length === 0 || allowMissingData ? [] : [`== ${missing}`]),
      `${passed} passed, ${failures} failed`,
    ],
    good: failures === 0 && passed > 0,
  };
}

if (import.meta.main) {
  const logs = await Promise.all(Deno.args.map((path) => Deno.readTextFile(path)));
  const allowMissingData = Deno.env.get("ALLOW_MISSING_DATA") === "1";
  const { lines, good } = tell(countTests(logs), { allowMissingData });
  await Deno.stdout.write(new TextEncoder().encode(`${lines.join("\n")}\n`));
  if (!good) Deno.exit(1);
}
