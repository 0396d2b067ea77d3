import { z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import type { Gap } from "@/projections/series_queries.ts";
import { countParam, timeParam } from "./params.ts";

const count = z.int().min(0);

export const gapWire = z.object({
  from: z.int(),
  to: z.int().openapi({ description: "Exclusive." }),
  missing: count.openapi({ description: "Candles." }),
  verified_empty: z.boolean().openapi({ description: "The exchange has none, asked twice." }),
}).openapi("Gap");

/** What `GET /api/v1/series/{id}/gaps` understands. */
export const gapsQuery = z.strictObject({
  start: timeParam("Gaps that end after this.").optional(),
  end: timeParam("Gaps that begin before this.").optional(),
  limit: countParam({ min: 1, max: 10_000, byDefault: 1_000, description: "Gaps at most." }),
  cursor: z.string().max(100).optional()
    .openapi({ description: "`meta.next_cursor` of the page before." }),
}).refine(({ start, end }) => start === undefined || end === undefined || start < end, {
  path: ["end"],
  message: "expected a time after start",
});

export const gapsMeta = {
  next_cursor: z.string().nullable().openapi({ description: "`cursor` of the next page." }),
};

export interface GapsPage {
  readonly gaps: readonly Gap[];
  /** Undefined on the last page. */
  readonly nextCursor: string | undefined;
}

/** The gaps that touch the asked range, from where the page before ended. */
export function pageOfGaps(
  all: readonly Gap[],
  { start = -Infinity, end = Infinity, limit, cursor }: z.output<typeof gapsQuery>,
): GapsPage {
  const from = Math.max(start, cursor === undefined ? -Infinity : endOfPage(cursor));
  const left = all.filter((gap) => gap.to > from && gap.from < end);
  const gaps = left.slice(0, limit);
  const last = gaps.at(-1);
  const more = last !== undefined && left.length > gaps.length;
  return { gaps, nextCursor: more ? btoa(`1.${last.to}`).replaceAll("=", "") : undefined };
}

/** Where the last gap of the page before ended: gaps do not overlap, so the next one ends later. */
function endOfPage(cursor: string): number {
  const text = /^[A-Za-z0-9+/]+$/.test(cursor) && cursor.length % 4 !== 1 ? atob(cursor) : "";
  const at = /^1\.(\d{1,16})$/.exec(text)?.[1];
  if (at !== undefined) return Number(at);
  const message = "Cannot use this cursor: send meta.next_cursor of the page before";
  throw new Refusal("validation_error", message, { field: "cursor" });
}

export function toGapWire(gap: Gap): z.infer<typeof gapWire> {
  return {
    from: gap.from,
    to: gap.to,
    missing: gap.missing,
    verified_empty: gap.verifiedEmpty,
  };
}
