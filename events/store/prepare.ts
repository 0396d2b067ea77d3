import type { Catalog, EventMeta, Recorded, StoredEvent } from "../define.ts";
import { personalFields } from "../personal.ts";
import { trusted } from "../trust.ts";
import { uuidV5 } from "../uuid.ts";
import { seal, SEALED } from "./seal.ts";
import { unstorable, unstorableName } from "./storable.ts";
import { type Expected, InvalidEvent, type StreamWrite } from "./store.ts";
import type { SubjectKeys } from "./subject_keys.ts";
import { currentSchema, type Upcasters } from "./upcast.ts";

/** A command ready to be written: checked, encoded, with the ids of its events. */
export interface Prepared {
  readonly meta: EventMeta;
  readonly metaJson: string;
  readonly writes: readonly PreparedWrite[];
  /** One an event, over all writes in order. */
  readonly events: readonly PreparedEvent[];
  readonly sizeBytes: number;
}

export interface PreparedWrite {
  readonly stream: string;
  readonly expected: Expected;
  /** How many events it has. */
  readonly count: number;
}

export interface PreparedEvent {
  /** Which write it belongs to, from 0. */
  readonly write: number;
  readonly id: string;
  readonly type: string;
  readonly schema: number;
  /** What is kept: JSON with its personal fields sealed. */
  readonly json: string;
  /** What readers see. */
  readonly clearJson: string;
}

export interface Encoding {
  readonly catalog: Catalog;
  readonly upcasters: Upcasters;
  readonly keys: Pick<SubjectKeys, "forWriting">;
}

/**
 * Throws {@linkcode InvalidEvent}, a RangeError for a command that names a stream twice or has no
 * events, a TypeError for a command id that is no UUID; what passes can be stored.
 */
export async function prepare(
  writes: readonly StreamWrite[],
  meta: EventMeta,
  encoding: Encoding,
): Promise<Prepared> {
  const metaJson = JSON.stringify(meta);
  const checked = checkWrites(writes, metaJson);
  const flat = writes.flatMap(({ events }, write) => events.map((event) => ({ write, event })));
  const plain = flat.map(({ write, event }, index) => ({
    write,
    id: uuidV5(meta.commandId, String(index)),
    ...encode(event, encoding),
  }));
  const events = plain.some(({ marked }) => marked !== undefined)
    ? await Promise.all(plain.map((event) => sealed(event, encoding)))
    : plain;
  const sizeBytes = events.reduce((sum, { json }) => sum + json.length + metaJson.length, 0);
  return { meta, metaJson, writes: checked, events, sizeBytes };
}

function checkWrites(writes: readonly StreamWrite[], metaJson: string): PreparedWrite[] {
  const [first] = writes.flatMap(({ events }) => events);
  if (first === undefined) throw new RangeError("Cannot append a command without events");
  const streams = writes.map(({ stream }) => stream);
  const twice = streams.find((stream, i) => streams.indexOf(stream) !== i);
  if (twice !== undefined) throw new RangeError(`Cannot write "${twice}" twice in one command`);
  const reason = streams.map(unstorableName).find((found) => found !== undefined) ??
    unstorable(metaJson);
  if (reason !== undefined) throw new InvalidEvent(first.type, reason);
  return writes.map(({ stream, expected, events }) => ({ stream, expected, count: events.length }));
}

function encode({ type, data }: StoredEvent, { catalog, upcasters }: Encoding) {
  const schema = catalog[type];
  if (schema === undefined) throw new InvalidEvent(type, "its type is not in the catalog");
  const parsed = schema.safeParse(data);
  if (!parsed.success) throw new InvalidEvent(type, parsed.error.message, { cause: parsed.error });
  const json = JSON.stringify(parsed.data);
  const reason = SEALED in parsed.data ? `it has a field "${SEALED}"` : unstorable(json);
  if (reason !== undefined) throw new InvalidEvent(type, reason);
  const marked = personalFields(schema);
  return { type, schema: currentSchema(type, upcasters), json, clearJson: json, marked };
}

async function sealed(
  event: PreparedEvent & Pick<ReturnType<typeof encode>, "marked">,
  { keys }: Encoding,
): Promise<PreparedEvent> {
  const { marked, json, id, type } = event;
  if (marked === undefined) return event;
  const data = trusted<Record<string, unknown>>(JSON.parse(json));
  const subject = data[marked.subject];
  if (typeof subject !== "string") {
    throw new InvalidEvent(type, `its personal fields have no subject in "${marked.subject}"`);
  }
  const key = (await keys.forWriting([subject])).get(subject) ?? null;
  const kept = await seal(data, { key, id, marked });
  const clearJson = key === null ? JSON.stringify(kept) : json;
  return { ...event, json: JSON.stringify(kept), clearJson };
}

/** The event as readers get it, once its place is known. */
export function recordedOf(
  { id, type, schema, clearJson }: PreparedEvent,
  place: Pick<Recorded, "stream" | "version" | "position" | "meta" | "at">,
): Recorded {
  return { ...place, id, type, schema, data: JSON.parse(clearJson) };
}

/** `none` is version 0; undefined: whatever it is. */
export function expectedVersion(expected: Expected): number | undefined {
  if (expected === "any") return undefined;
  return expected === "none" ? 0 : expected;
}
