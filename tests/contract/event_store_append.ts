import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import type { EventStore, StreamWrite } from "@/events/store/store.ts";
import { InvalidEvent, VersionConflict } from "@/events/store/store.ts";
import { counted, newMeta, newStream, type StoreCase } from "./event_store_catalog.ts";

export const appendCases: readonly StoreCase[] = [
  {
    name: "numbers the events of a stream from 1 and positions without a hole",
    async run({ store }) {
      const [stream, meta, before] = [newStream(), newMeta(), await store.head()];
      const { events, position, duplicate } = await store.append(
        [{ stream, expected: "none", events: counted(1, 2, 3) }],
        meta,
      );
      deepEqual(events.map(({ version }) => version), [1, 2, 3]);
      deepEqual(events.map((e) => e.position), [before + 1, before + 2, before + 3]);
      equal(position, before + 3);
      equal(duplicate, false);
      ok(events.every((e) => e.schema === 1 && e.stream === stream));
      deepEqual(events.map((e) => e.meta), [meta, meta, meta]);
      deepEqual((await store.readStream(stream)).events, events);
    },
  },
  {
    name: "appends at the version that was read",
    async run({ store }) {
      const stream = newStream();
      await store.append([{ stream, expected: "none", events: counted(1) }], newMeta());
      await store.append([{ stream, expected: 1, events: counted(2, 3) }], newMeta());
      await store.append([{ stream, expected: "any", events: counted(4) }], newMeta());
      const { events, version } = await store.readStream(stream);
      deepEqual(events.map(({ data }) => data.n), [1, 2, 3, 4]);
      equal(version, 4);
    },
  },
  ...([["none", 2], [1, 2], [3, 2], [0, 2]] as const).map(([expected, actual]): StoreCase => ({
    name: `refuses an append that expects ${expected} when the stream is at ${actual}`,
    async run({ store }) {
      const stream = newStream();
      await store.append([{ stream, expected: "none", events: counted(1, 2) }], newMeta());
      const meta = newMeta();
      await rejects(
        store.append([{ stream, expected, events: counted(9) }], meta),
        (error) => {
          ok(error instanceof VersionConflict);
          deepEqual([error.stream, error.expected, error.actual], [stream, expected, actual]);
          return true;
        },
      );
      equal((await store.readStream(stream)).version, 2);
      deepEqual(await store.findCommand(meta.commandId), []);
    },
  })),
  {
    name: "writes several streams in one command, each with its own versions",
    async run({ store }) {
      const [a, b, meta] = [newStream(), newStream(), newMeta()];
      await store.append([{ stream: b, expected: "none", events: counted(0) }], newMeta());
      const { events } = await store.append([
        { stream: a, expected: "none", events: counted(1, 2) },
        { stream: b, expected: 1, events: counted(3) },
      ], meta);
      deepEqual(events.map((e) => [e.stream, e.version]), [[a, 1], [a, 2], [b, 2]]);
      const last = await store.head();
      deepEqual(events.map((e) => e.position), [last - 2, last - 1, last]);
      deepEqual(await store.findCommand(meta.commandId), events);
    },
  },
  {
    name: "writes none of a command's streams when one of them has moved",
    async run({ store }) {
      const [a, b] = [newStream(), newStream()];
      await store.append([{ stream: b, expected: "none", events: counted(0) }], newMeta());
      const head = await store.head();
      await rejects(
        store.append([
          { stream: a, expected: "none", events: counted(1) },
          { stream: b, expected: "none", events: counted(2) },
        ], newMeta()),
        { name: "VersionConflict", stream: b, actual: 1 },
      );
      equal((await store.readStream(a)).version, 0);
      equal(await store.head(), head);
    },
  },
  {
    name: "checks the version of a stream that a command names without events",
    async run({ store }) {
      const [a, b] = [newStream(), newStream()];
      const write = (expected: "none" | number): StreamWrite[] => [
        { stream: a, expected, events: [] },
        { stream: b, expected: "any", events: counted(1) },
      ];
      await rejects(store.append(write(4), newMeta()), { name: "VersionConflict", stream: a });
      equal((await store.append(write("none"), newMeta())).events.length, 1);
      equal((await store.readStream(a)).version, 0);
    },
  },
  {
    name: "answers a repeated command with what it recorded, though its streams have moved on",
    async run({ store }) {
      const [stream, meta] = [newStream(), newMeta()];
      const write: StreamWrite[] = [{ stream, expected: "none", events: counted(1, 2) }];
      const first = await store.append(write, meta);
      await store.append([{ stream, expected: 2, events: counted(3) }], newMeta());
      const again = await store.append(write, meta);
      equal(again.duplicate, true);
      deepEqual(again.events, first.events);
      equal(again.position, first.position);
      equal((await store.readStream(stream)).version, 3);
    },
  },
  {
    name: "writes a command once when it comes several times at the same moment",
    async run({ store }) {
      const [stream, meta] = [newStream(), newMeta()];
      const all = await Promise.all(
        [1, 2, 3, 4].map(() =>
          store.append([{ stream, expected: "none", events: counted(7) }], meta)
        ),
      );
      deepEqual(all.map(({ duplicate }) => duplicate).sort(), [false, true, true, true]);
      equal(new Set(all.map(({ position }) => position)).size, 1);
      equal((await store.readStream(stream)).version, 1);
    },
  },
  {
    name: "gives each of many appends of one moment its own outcome",
    async run({ store }) {
      const [hot, head] = [newStream(), await store.head()];
      const outcomes = await Promise.all(
        Array.from({ length: 120 }, (_, i) => outcomeOf(store, writeOf(i, hot))),
      );
      const kinds = Map.groupBy(
        outcomes.map((outcome, i) => ({ outcome, kind: i % 3 })),
        (o) => o.kind,
      );
      ok(kinds.get(0)?.every(({ outcome }) => outcome === "ok"));
      equal(kinds.get(1)?.filter(({ outcome }) => outcome === "ok").length, 1);
      equal(kinds.get(1)?.filter(({ outcome }) => outcome === "VersionConflict").length, 39);
      ok(kinds.get(2)?.every(({ outcome }) => outcome === "InvalidEvent"));
      equal(await store.head(), head + 41);
    },
  },
  {
    name: "keeps the order of a stream's appends that are not awaited",
    async run({ store }) {
      const stream = newStream();
      await Promise.all(
        Array.from(
          { length: 30 },
          (_, version) =>
            store.append([{ stream, expected: version, events: counted(version) }], newMeta()),
        ),
      );
      const { events } = await store.readStream(stream);
      deepEqual(events.map(({ data }) => data.n), Array.from({ length: 30 }, (_, n) => n));
    },
  },
  {
    name: "never goes back in time",
    async run({ store }) {
      for (let n = 0; n < 5; n++) {
        await store.append(
          [{ stream: newStream(), expected: "any", events: counted(n) }],
          newMeta(),
        );
      }
      const times = (await store.readAll({ after: 0, limit: 1_000 })).map(({ at }) => at.getTime());
      deepEqual(times, times.toSorted((a, b) => a - b));
    },
  },
  ...invalid().map(([what, write, meta]): StoreCase => ({
    name: `refuses ${what} and keeps nothing of the command`,
    async run({ store }) {
      const other = { stream: newStream(), expected: "any", events: counted(1) } as const;
      await rejects(
        store.append([other, write], { ...newMeta(), ...meta }),
        (error) => error instanceof InvalidEvent,
      );
      equal((await store.readStream(other.stream)).version, 0);
    },
  })),
  {
    name: "refuses a command without events, one that names a stream twice, an id that is no UUID",
    async run({ store }) {
      const write: StreamWrite = { stream: newStream(), expected: "any", events: counted(1) };
      await rejects(store.append([], newMeta()), RangeError);
      await rejects(store.append([{ ...write, events: [] }], newMeta()), RangeError);
      await rejects(store.append([write, write], newMeta()), RangeError);
      await rejects(store.append([write], { actor: "job:test", commandId: "7" }), TypeError);
    },
  },
  {
    name: "gives back every JSON value exactly, or refuses it",
    async run({ store }) {
      const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: badText }));
      const json = fc.jsonValue({ stringUnit: "binary" });
      const value = fc.oneof(json, fc.dictionary(text, text), text);
      await fc.assert(
        fc.asyncProperty(fc.array(value, { maxLength: 5 }), async (values) => {
          const events = [{ type: "Noted", data: { value: values } }];
          const append = store.append(
            [{ stream: newStream(), expected: "none", events }],
            newMeta(),
          );
          if (!isStorable(values)) return await rejects(append, InvalidEvent);
          const { events: [recorded] } = await append;
          const same = JSON.parse(JSON.stringify(values));
          deepEqual(recorded?.data.value, same);
          const [read] = (await store.readStream(recorded?.stream ?? "")).events;
          deepEqual(read?.data.value, same);
        }),
        { numRuns: 60 },
      );
    },
  },
];

const badText = fc.constantFrom("\0", "\ud800", "\udc00", "\\", "u0000", "a", "\\u0000", "😀");

function isStorable(value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed() && !value.includes("\0");
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).flat().every(isStorable);
}

function writeOf(i: number, hot: string): StreamWrite {
  if (i % 3 === 1) return { stream: hot, expected: "none", events: counted(i) };
  const data = i % 3 === 2 ? { n: "many" } : { n: i };
  return { stream: newStream(), expected: "none", events: [{ type: "Counted", data }] };
}

async function outcomeOf(store: EventStore, write: StreamWrite): Promise<string> {
  try {
    await store.append([write], newMeta());
    return "ok";
  } catch (error) {
    return error instanceof Error ? error.name : "?";
  }
}

function invalid(): [string, StreamWrite, { actor?: string }?][] {
  const of = (type: string, data: Record<string, unknown>, stream = newStream()): StreamWrite => ({
    stream,
    expected: "any",
    events: [{ type, data }],
  });
  return [
    ["an event type that is not in the catalog", of("Unheard", {})],
    ["data that do not fit the schema", of("Counted", { n: "1" })],
    ["a missing field", of("Counted", {})],
    ["the character U+0000 in a value", of("Renamed", { name: "a\0b" })],
    ["the character U+0000 in a key", of("Noted", { value: { "\0": 1 } })],
    ["half of a surrogate pair", of("Renamed", { name: "\ud83d" })],
    ["half of a surrogate pair after a whole one", of("Noted", { value: ["😀\ude00"] })],
    ["U+0000 in the meta", of("Counted", { n: 1 }), { actor: "user:\0" }],
    ["U+0000 in the name of a stream", of("Counted", { n: 1 }, "a\0")],
    ["half of a surrogate pair in the name of a stream", of("Counted", { n: 1 }, "\ud800")],
    ["a stream without a name", of("Counted", { n: 1 }, "")],
    ["a name of a stream that no index can hold", of("Counted", { n: 1 }, "x".repeat(5_000))],
    ["personal fields without a subject", of("Signed", { email: "a@b.c", plan: "x" })],
  ];
}
