import type { Recorded } from "@/events/define.ts";
import type { Projection } from "./define.ts";

/** A batch of small events stays below what one statement should carry. */
export const BATCH = { events: 1_000, bytes: 4 * 1024 * 1024 } as const;

/** Rows of bulk projections: a batch with more would keep the others of its group waiting. */
const BATCH_ROWS = 20_000;

/** A batch with more rows than this is written by bulk projections while the others move on. */
const HEAVY_ROWS = 1_000;

/** Members that take a batch in one statement, and what of it they take. */
export interface Share<Member> {
  readonly members: readonly Member[];
  readonly events: readonly Recorded[];
  /** So many rows that nobody else should wait for them. */
  readonly isHeavy: boolean;
}

/**
 * Shares events out: all of a group together, unless they write so many rows that small read
 * models would wait for large ones. Those take no more events than write a batch of rows.
 */
export function shareOut<Member extends { readonly projection: Projection }>(
  group: readonly Member[],
  events: readonly Recorded[],
): Share<Member>[] {
  const slow = new Set(group.flatMap(({ projection }) => slowOnes(projection)));
  const bulk = group.filter(({ projection }) => slow.has(projection.name));
  const light = group.filter(({ projection }) => !slow.has(projection.name));
  const projections = group.map(({ projection }) => projection);
  const bounded = boundRows(events, projections);
  const isHeavy = rowsOf(bounded, projections) > HEAVY_ROWS;
  if (!isHeavy || light.length === 0) return [{ members: group, events: bounded, isHeavy }];
  return [{ members: light, events, isHeavy: false }, { members: bulk, events: bounded, isHeavy }];
}

/** A projection of many rows, and those that must not be ahead of it. */
function slowOnes(projection: Projection): readonly string[] {
  if (projection.kind !== "bulk" || projection.weight === undefined) return [];
  return [projection.name, ...projection.together ?? []];
}

/** The first events that write no more rows than a batch should; at least one. */
export function boundRows(
  events: readonly Recorded[],
  projections: readonly Projection[],
): readonly Recorded[] {
  let rows = 0;
  const over = events.findIndex((event, at) => {
    rows += rowsOf([event], projections);
    return at > 0 && rows > BATCH_ROWS;
  });
  return over === -1 ? events : events.slice(0, over);
}

function rowsOf(events: readonly Recorded[], projections: readonly Projection[]): number {
  let rows = 0;
  for (const { types, weight } of weighersOf(projections)) {
    for (const event of events) if (types.includes(event.type)) rows += weight(event);
  }
  return rows;
}

function weighersOf(projections: readonly Projection[]) {
  return projections.flatMap((projection) =>
    projection.kind === "bulk" && projection.weight !== undefined
      ? { types: projection.types, weight: projection.weight }
      : []
  );
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
