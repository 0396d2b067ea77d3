import type { EventMeta, Recorded } from "../define.ts";
import { trusted } from "../trust.ts";
import type { SqlRow } from "./database.ts";
import { upcast, type Upcasters } from "./upcast.ts";

/** Select list of every read of the log. */
export const EVENT_COLUMNS = "pos, stream, version, id, type, schema, data, meta, at";

interface EventRow {
  readonly pos: number;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schema: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly meta: EventMeta;
  readonly at: Date;
}

export function recordedOf(row: SqlRow, upcasters: Upcasters): Recorded {
  const { pos, schema, data, ...rest } = trusted<EventRow>(row);
  return { ...rest, ...upcast({ type: rest.type, schema, data }, upcasters), position: pos };
}
