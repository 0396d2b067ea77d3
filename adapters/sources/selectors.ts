import type { z } from "zod";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import { namedDifferences } from "./named_differences.ts";

/** Each is a request, a second apart; what an attempt has no time for it leaves, and fails. */
export const MOST_PICKED = 200;

/** The name of the setting that tells a source what to pick. */
export function selectorsSetting(source: SourceName): string {
  return `SOURCE_${source.toUpperCase()}_SELECTORS`;
}

/** What a source is told to pick, unset meaning `{}`; throws `not_configured` with what is wrong. */
export function readSelectors<T>(
  source: SourceName,
  text: string | undefined,
  schema: z.ZodType<T>,
): T {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? "{}");
  } catch {
    throw wrong(source, ["expected JSON"]);
  }
  const result = schema.safeParse(parsed, { reportInput: true });
  if (result.success) return result.data;
  throw wrong(source, namedDifferences(result.error));
}

function wrong(source: SourceName, problems: readonly string[]): SourceError {
  const setting = selectorsSetting(source);
  return new SourceError(`Cannot crawl ${source}: ${setting} is wrong: ${problems.join("; ")}`, {
    ...{ source, op: "configuration", errorClass: "not_configured", hint: `correct ${setting}` },
  });
}
