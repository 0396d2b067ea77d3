import type { Recorded } from "@/events/define.ts";
import type { Projection } from "./define.ts";

/** A batch of small events stays below what one statement should carry. */
export const BATCH = { events: 1_000, bytes: 4 * 1024 * 1024 } as const;

/** Rows of bulk projections: a batch with more would keep the others of its group waiting. */
const BATCH_ROWS = 20_000;

/** The first events that write no more rows than a batch should; at least one. */
export function boundRows(
  events: readonly Recorded[],
  projections: readonly Projection[],
): readonly Recorded[] {
  const weighed = projections.flatMap((projection) =>
    projection.kind === "bulk" && projection.weight !== undefined
      ? { types: projection.types, weight: projection.weight }
      : []
  );
  if (weighed.length === 0) return events;
  let rows = 0;
  const over = events.findIndex((event, at) => {
    for (const { types, weight } of weighed) if (types.includes(event.type)) rows += weight(event);
    return at > 0 && rows > BATCH_ROWS;
  });
  return over === -1 ? events : events.slice(0, over);
}

/** About as long as its JSON, without making it. */
export function approximateBytes(value: unknown): number {
  if (typeof value === "string") return value.length + 3;
  if (typeof value !== "object" || value === null) return 8;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const item of value) bytes += approximateBytes(item);
  } else {
    for (const [key, item] of Object.entries(value)) {
      bytes += key.length + 4 + approximateBytes(item);
    }
  }
  return bytes;
}
