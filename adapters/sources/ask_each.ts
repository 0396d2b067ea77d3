import type { Clock } from "@/domain/ports/clock.ts";
import type { FailedPart } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { SourceError, type SourceErrorClass } from "@/domain/ports/source_error.ts";
import { selectorsSetting } from "./selectors.ts";

/** A symbol, a contract or a house. */
export interface Part {
  readonly name: string;
  readonly ask: () => Promise<void>;
}

/** Each name once, asked for in one way. */
export function partsOf(names: Iterable<string>, ask: (name: string) => Promise<void>): Part[] {
  return [...new Set(names)].map((name) => ({ name, ask: () => ask(name) }));
}

export interface AskingEach {
  readonly source: SourceName;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** No part is begun from then on, epoch ms. */
  readonly until?: number | undefined;
}

/** After these the site itself would only say the same of every other part. */
const OF_THE_SITE: readonly SourceErrorClass[] = [
  ...["rate_limited", "timeout", "login_required", "not_configured"] as const,
];
/** Parts that fail one after the other without the request being at fault: the site does. */
const FAILING_SITE = 2;

/** Asks for one part after the other; one that fails stops no other. */
export async function askEach(
  parts: readonly Part[],
  { source, clock, signal, until = Infinity }: AskingEach,
): Promise<readonly FailedPart[]> {
  const failures: FailedPart[] = [];
  let inRow = 0;
  for (const [at, { name, ask }] of parts.entries()) {
    if (clock.now() >= until) {
      failures.push({ name, error: noTime(source, parts.length - at) });
      break;
    }
    try {
      await ask();
      inRow = 0;
    } catch (error) {
      if (signal.aborted || !(error instanceof SourceError)) throw error;
      failures.push({ name, error });
      inRow = error.retryable ? inRow + 1 : 0;
      if (OF_THE_SITE.includes(error.errorClass) || inRow === FAILING_SITE) break;
    }
  }
  return failures;
}

function noTime(source: SourceName, count: number): SourceError {
  return new SourceError(
    `Cannot crawl ${source}: no time is left to ask for ${count} of its parts`,
    {
      ...{ source, op: "the picked parts", errorClass: "invalid" },
      hint: `pick fewer in ${selectorsSetting(source)} or raise CRAWL_TIMEOUT_MS`,
    },
  );
}
