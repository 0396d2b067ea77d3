import type { FailedPart } from "../ports/market_source.ts";
import type { SourceName } from "../ports/source_names.ts";
import { SourceError, type StoredParts } from "../ports/source_error.ts";

/** Of so many parts the reason is told, of so many the name. */
const TOLD = 3;
const NAMED = 20;

/**
 * What a run fails as of which some parts failed: as one that is worth another attempt, if any is.
 * `stored` is what was kept of the others.
 */
export function partsFailed(
  source: SourceName,
  parts: readonly FailedPart[],
  stored?: StoredParts,
): SourceError {
  const sorted = parts.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const [first] = [...sorted.filter(({ error }) => error.retryable), ...sorted];
  const pauses = sorted.flatMap(({ error }) => error.retryAfterMs ?? []);
  return new SourceError(`Cannot crawl ${source}: ${sentence(source, sorted)}`, {
    ...{ source, errorClass: first?.error.errorClass ?? "invalid", cause: first?.error },
    ...{ op: "parts", stored },
    hint: first?.error.hint,
    httpStatus: first?.error.httpStatus,
    response: first?.error.response,
    retryAfterMs: pauses.length === 0 ? undefined : Math.max(...pauses),
    differences: sorted.flatMap(({ error }) => error.differences),
  });
}

function sentence(source: SourceName, parts: readonly FailedPart[]): string {
  const told = parts.slice(0, TOLD).map(({ name, error }) => {
    const problem = error.message.replace(`Cannot crawl ${source}: `, "");
    return problem.includes(name) ? problem : `${name}: ${problem}`;
  });
  const named = parts.slice(TOLD, NAMED).map(({ name }) => name).join(", ");
  const more = parts.length > NAMED ? ` and ${parts.length - NAMED} more` : "";
  return named === "" ? told.join("; ") : `${told.join("; ")}; also ${named}${more}`;
}
