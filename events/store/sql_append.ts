import type { Catalog, EventMeta, Recorded } from "../define.ts";
import { trusted } from "../trust.ts";
import { uuidV5 } from "../uuid.ts";
import type { Database, SqlRow } from "./database.ts";
import { InvalidEvent, type StreamWrite, VersionConflict } from "./store.ts";
import { unstorable } from "./storable.ts";
import { currentSchema, type Upcasters } from "./upcast.ts";

/** A command ready to be sent: checked, encoded, with the ids of its events. */
export interface Prepared {
  readonly writes: readonly StreamWrite[];
  readonly meta: EventMeta;
  readonly metaJson: string;
  /** One an event, over all writes in order. */
  readonly events: readonly PreparedEvent[];
  readonly sizeBytes: number;
}

interface PreparedEvent {
  /** Which write it belongs to, from 0. */
  readonly write: number;
  readonly id: string;
  readonly type: string;
  readonly schema: number;
  readonly json: string;
}

export interface Encoding {
  readonly catalog: Catalog;
  readonly upcasters: Upcasters;
}

/** Throws {@linkcode InvalidEvent}; what passes can be stored. */
export async function prepare(
  writes: readonly StreamWrite[],
  meta: EventMeta,
  encoding: Encoding,
): Promise<Prepared> {
  const flat = writes.flatMap(({ events }, write) => events.map((event) => ({ write, event })));
  const events = await Promise.all(flat.map(async ({ write, event: { type, data } }, index) => ({
    write,
    id: await uuidV5(meta.commandId, String(index)),
    type,
    schema: currentSchema(type, encoding.upcasters),
    json: encode(type, data, encoding.catalog),
  })));
  const metaJson = JSON.stringify(meta);
  const sizeBytes = events.reduce((sum, { json }) => sum + json.length + metaJson.length, 0);
  return { writes, meta, metaJson, events, sizeBytes };
}

function encode(type: string, data: unknown, catalog: Catalog): string {
  const schema = catalog[type];
  if (schema === undefined) throw new InvalidEvent(type, "its type is not in the catalog");
  const parsed = schema.safeParse(data);
  if (!parsed.success) throw new InvalidEvent(type, parsed.error.message, { cause: parsed.error });
  const json = JSON.stringify(parsed.data);
  const reason = unstorable(json);
  if (reason !== undefined) throw new InvalidEvent(type, reason);
  return json;
}

/** Its events as recorded, or why not; `duplicate` when the command is in the log already. */
export type GroupOutcome = readonly Recorded[] | "duplicate" | VersionConflict;

interface WriteOutcome {
  readonly status: "ok" | "duplicate" | "conflict";
  readonly version: number;
  readonly pos: number | null;
  readonly at: Date;
}

const APPEND = `select write, status, version, pos, at from append(
  $1::int[], $2::text[], $3::int[],
  $4::int[], $5::uuid[], $6::text[], $7::smallint[], $8::jsonb[], $9::jsonb[])`;

/** One call for a group of commands whose streams are distinct. */
export async function appendGroup(
  database: Database,
  group: readonly Prepared[],
): Promise<GroupOutcome[]> {
  const writes = group.flatMap((command, cmd) => command.writes.map((w) => ({ ...w, cmd })));
  const first: number[] = [];
  group.reduce((sum, command) => (first.push(sum), sum + command.writes.length), 0);
  const events = group.flatMap((command, cmd) =>
    command.events.map((event) => ({
      ...event,
      metaJson: command.metaJson,
      write: (first[cmd] ?? 0) + event.write + 1,
    }))
  );
  const rows = await database.query(APPEND, [
    writes.map(({ cmd }) => cmd),
    writes.map(({ stream }) => stream),
    writes.map(({ expected }) => expected === "any" ? null : expected === "none" ? 0 : expected),
    events.map(({ write }) => write),
    events.map(({ id }) => id),
    events.map(({ type }) => type),
    events.map(({ schema }) => schema),
    events.map(({ json }) => json),
    events.map(({ metaJson }) => metaJson),
  ]);
  return group.map((command, cmd) => outcomeOf(command, rows.slice(first[cmd], first[cmd + 1])));
}

function outcomeOf(command: Prepared, rows: readonly SqlRow[]): GroupOutcome {
  const outcomes = trusted<readonly WriteOutcome[]>(rows);
  if (outcomes.some(({ status }) => status === "duplicate")) return "duplicate";
  const conflict = command.writes.findIndex(({ expected }, i) =>
    outcomes[i]?.status === "conflict" && expected !== "any" &&
    (expected === "none" ? 0 : expected) !== outcomes[i].version
  );
  const write = command.writes[conflict];
  if (write !== undefined) {
    return new VersionConflict(write.stream, write.expected, outcomes[conflict]?.version ?? 0);
  }
  return command.events.map((event, index) => recorded(command, { event, index, outcomes }));
}

/** A write's events are contiguous and end at the position and version answered. */
function recorded(
  { writes, events, meta }: Prepared,
  { event, index, outcomes }: {
    event: PreparedEvent;
    index: number;
    outcomes: readonly WriteOutcome[];
  },
): Recorded {
  const { type, schema, json, write, id } = event;
  const [stream, outcome] = [writes[write]?.stream, outcomes[write]];
  if (stream === undefined || outcome === undefined || outcome.pos === null) {
    throw new Error("append() did not answer for each write");
  }
  const after = events.findLastIndex((other) => other.write === write) - index;
  return {
    ...{ type, schema, stream, id, meta, at: outcome.at },
    data: JSON.parse(json),
    version: outcome.version - after,
    position: outcome.pos - after,
  };
}
