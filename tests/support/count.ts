import { stripVTControlCharacters } from "node:util";

/** What test runs printed, added up. */
export interface Count {
  readonly passed: number;
  readonly failed: number;
}

const SUMMARY =
  /^ *(?:\[\S+\] )?(?:ok|FAILED) \| (\d+) passed(?: \(\d+ steps?\))? \| (\d+) failed/gm;

/** Adds up the summaries of `deno test` in a log; undefined when there is none: the run broke off. */
export function countTests(log: string): Count | undefined {
  const summaries = [...stripVTControlCharacters(log).matchAll(SUMMARY)];
  if (summaries.length === 0) return undefined;
  return {
    passed: summaries.reduce((sum, [, passed]) => sum + Number(passed), 0),
    failed: summaries.reduce((sum, [, , failed]) => sum + Number(failed), 0),
  };
}

if (import.meta.main) {
  const counts = await Promise.all(
    Deno.args.map(async (path) => countTests(await Deno.readTextFile(path))),
  );
  const passed = counts.reduce((sum, count) => sum + (count?.passed ?? 0), 0);
  // A run without a summary has told nothing good: it counts as one failure.
  const failed = counts.reduce((sum, count) => sum + (count?.failed ?? 1), 0);
  await Deno.stdout.write(new TextEncoder().encode(`${passed} passed, ${failed} failed\n`));
  if (failed > 0 || passed === 0) Deno.exit(1);
}
