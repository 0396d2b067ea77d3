import type { Recorded, StoredEvent } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import type { RowProjection } from "./define.ts";

/** A row of any projection, in the shape of its table's `$inferSelect`. */
export type ProjectedRow = Readonly<Record<string, unknown>>;

/** An event that concerns a projection, with the rows it touches. */
export interface Touch {
  readonly event: Recorded;
  readonly keys: readonly string[];
}

type Handler = (
  row: ProjectedRow | undefined,
  event: Recorded,
  key: string,
) => ProjectedRow | undefined;

type AnyRowProjection = RowProjection<StoredEvent, ProjectedRow>;

/** A handler threw: the projection's fault, not the world's. */
export class FoldFailed extends Error {
  override readonly name = "FoldFailed";
  constructor(projection: string, readonly event: Recorded, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Cannot fold ${event.type} at position ${event.position} into ${projection}: ${reason}`, {
      cause,
    });
  }
}

/** Events that have a handler, each with its distinct keys. Throws {@linkcode FoldFailed}. */
export function touches(
  projection: RowProjection<never, never>,
  events: readonly Recorded[],
): Touch[] {
  const { keys, name } = trusted<AnyRowProjection>(projection);
  return events.filter(({ type }) => Object.hasOwn(projection.on, type)).map((event) => {
    try {
      return { event, keys: [...new Set(keys(event))] };
    } catch (cause) {
      throw new FoldFailed(name, event, cause);
    }
  });
}

/**
 * Folds touches, oldest first, over the rows they touch. Answers with the rows that are different
 * afterwards, `undefined` where there is none any more. Throws {@linkcode FoldFailed}.
 */
export function fold(
  projection: RowProjection<never, never>,
  rows: ReadonlyMap<string, ProjectedRow>,
  touched: readonly Touch[],
): Map<string, ProjectedRow | undefined> {
  const after = new Map<string, ProjectedRow | undefined>();
  for (const { event, keys } of touched) {
    const handler = handlerOf(projection, event.type);
    if (handler === undefined) continue;
    for (const key of keys) {
      const before = after.has(key) ? after.get(key) : rows.get(key);
      try {
        after.set(key, handler(before, event, key));
      } catch (cause) {
        throw new FoldFailed(projection.name, event, cause);
      }
    }
  }
  for (const [key, row] of after) {
    if (row === rows.get(key)) after.delete(key);
  }
  return after;
}

function handlerOf(projection: RowProjection<never, never>, type: string): Handler | undefined {
  return trusted<Readonly<Record<string, Handler | undefined>>>(projection.on)[type];
}
