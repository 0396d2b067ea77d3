import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import type { Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import type { EventStore } from "@/events/store/store.ts";
import { counted, newMeta, newStream, type StoreCase } from "./event_store_catalog.ts";

async function fill(store: EventStore, stream: string, numbers: readonly number[]) {
  return (await store.append([{ stream, expected: "any", events: counted(...numbers) }], newMeta()))
    .events;
}

const numbersOf = (events: readonly Recorded[]) => events.map(({ data }) => data.n);

export const readCases: readonly StoreCase[] = [
  {
    name: "answers version 0 and no events for a stream that does not exist",
    async run({ store }) {
      deepEqual(await store.readStream(newStream()), { events: [], version: 0 });
      deepEqual(await store.readStream(newStream(), { fromVersion: 5, limit: 2 }), {
        events: [],
        version: 0,
      });
    },
  },
  {
    name: "reads a part of a stream and says how long the whole is",
    async run({ store }) {
      const stream = newStream();
      await fill(store, stream, [1, 2, 3, 4, 5]);
      const part = await store.readStream(stream, { fromVersion: 2, limit: 2 });
      deepEqual(numbersOf(part.events), [2, 3]);
      equal(part.version, 5);
      const rest = await store.readStream(stream, { fromVersion: 4 });
      deepEqual(numbersOf(rest.events), [4, 5]);
      deepEqual(await store.readStream(stream, { fromVersion: 6 }), { events: [], version: 5 });
    },
  },
  {
    name: "reads the whole log in pages, each event once and in order",
    async run({ store }) {
      await Promise.all(Array.from({ length: 20 }, (_, i) => fill(store, newStream(), [i, i])));
      for (const limit of [1, 7, 1_000]) {
        const all = await readFrom(store, 0, { limit });
        deepEqual(
          all.map(({ position }) => position),
          Array.from({ length: await store.head() }, (_, i) => i + 1),
        );
      }
    },
  },
  {
    name: "reads only the types asked for",
    async run({ store }) {
      const [stream, after] = [newStream(), await store.head()];
      for (const n of [1, 2, 3]) {
        await fill(store, stream, [n]);
        const events = [{ type: "Renamed", data: { name: String(n) } }];
        await store.append([{ stream, expected: "any", events }], newMeta());
        const noted = [{ type: "Noted", data: { value: n } }];
        await store.append([{ stream, expected: "any", events: noted }], newMeta());
      }
      const types = async (wanted: string[], limit = 100) =>
        (await store.readAll({ after, limit, types: wanted })).map(({ type }) => type);
      deepEqual(await types(["Renamed"]), ["Renamed", "Renamed", "Renamed"]);
      deepEqual(await types(["Renamed", "Counted", "Renamed"], 3), [
        "Counted",
        "Renamed",
        "Counted",
      ]);
      deepEqual(await types(["Unheard"]), []);
      deepEqual(await types([]), []);
    },
  },
  {
    name: "reads only the stream asked for, by position",
    async run({ store }) {
      const [stream, other] = [newStream(), newStream()];
      const [first] = await fill(store, stream, [1]);
      await fill(store, other, [9]);
      await fill(store, stream, [2, 3]);
      const after = first?.position ?? 0;
      deepEqual(numbersOf(await store.readAll({ after, limit: 9, stream })), [2, 3]);
      deepEqual(numbersOf(await store.readAll({ after, limit: 1, stream })), [2]);
      deepEqual(await store.readAll({ after, limit: 9, stream, types: ["Noted"] }), []);
    },
  },
  {
    name: "ends a page early when its data exceed the bytes allowed, but not before one event",
    async run({ store }) {
      const [stream, after] = [newStream(), await store.head()];
      const values = Array.from({ length: 6 }, (_, i) => noise(i));
      for (const value of values) {
        const events = [{ type: "Noted", data: { value } }];
        await store.append([{ stream, expected: "any", events }], newMeta());
      }
      const page = (maxBytes: number) => store.readAll({ after, limit: 100, maxBytes });
      equal((await page(1)).length, 1);
      const some = await page(5_000);
      ok(some.length > 1 && some.length < 6, `${some.length} events`);
      equal((await page(1_000_000)).length, 6);
      const all = await readFrom(store, after, { limit: 100, maxBytes: 5_000 });
      deepEqual(all.map(({ data }) => data.value), values);
    },
  },
  {
    name: "finds the events of a command, and nothing for an unknown one",
    async run({ store }) {
      const [meta, long, stream] = [newMeta(), newMeta(), newStream()];
      const numbers = Array.from({ length: 50 }, (_, i) => i);
      const appends = [
        store.append([{ stream: newStream(), expected: "none", events: counted(0) }], newMeta()),
        store.append([{ stream: newStream(), expected: "none", events: counted(1, 2) }], meta),
        store.append([{ stream, expected: "none", events: counted(...numbers) }], long),
        store.append([{ stream: newStream(), expected: "none", events: counted(3) }], newMeta()),
      ];
      await Promise.all(appends);
      deepEqual(numbersOf(await store.findCommand(meta.commandId)), [1, 2]);
      deepEqual(numbersOf(await store.findCommand(long.commandId)), numbers);
      deepEqual(await store.findCommand(crypto.randomUUID()), []);
    },
  },
  {
    name: "gives copies: what a reader does to an event does not reach the log",
    async run({ store }) {
      const stream = newStream();
      const [written] = await fill(store, stream, [1]);
      trusted<{ n: number }>(written?.data).n = 99;
      const { events: [read] } = await store.readStream(stream);
      equal(read?.data.n, 1);
      trusted<{ n: number }>(read?.data).n = 99;
      equal((await store.readStream(stream)).events[0]?.data.n, 1);
    },
  },
  {
    name: "hands this process' appends over in the order of positions, until told to stop",
    async run({ store }) {
      const heard: number[] = [];
      const before = await store.head();
      const stop = store.subscribe((events) => heard.push(...events.map((e) => e.position)));
      await Promise.all(Array.from({ length: 60 }, (_, i) => fill(store, newStream(), [i, i])));
      await fill(store, newStream(), [1]);
      stop();
      await fill(store, newStream(), [2]);
      deepEqual(heard, Array.from({ length: 121 }, (_, i) => before + 1 + i));
    },
  },
  {
    name: "hands over what a reader would read",
    async run({ store }) {
      const heard: Recorded[] = [];
      const stop = store.subscribe((events) => heard.push(...events));
      const events = [{ type: "Noted", data: { value: { a: [1, null, "ü"] } } }];
      await store.append([{ stream: newStream(), expected: "none", events }], newMeta());
      stop();
      deepEqual(heard, await store.readAll({ after: (heard[0]?.position ?? 1) - 1, limit: 1 }));
    },
  },
  {
    name: "reads old events in their current version and writes new ones in it",
    async run({ store, upcasters }) {
      const stream = newStream();
      const append = (type: string, data: Record<string, unknown>) =>
        store.append([{ stream, expected: "any", events: [{ type, data }] }], newMeta());
      await append("Renamed", { name: "a" });
      upcasters.Renamed = [
        ({ name }) => ({ name, length: String(name).length }),
      ];
      await append("Renamed", { name: "bb" });
      upcasters.Renamed = [...upcasters.Renamed, (data) => ({ ...data, upcast: true })];
      const { events } = await store.readStream(stream);
      deepEqual(events.map((e) => [e.schema, e.data]), [
        [3, { name: "a", length: 1, upcast: true }],
        [3, { name: "bb", upcast: true }],
      ]);
      delete upcasters.Renamed;
      const bare = await store.readStream(stream);
      deepEqual(bare.events.map(({ schema }) => schema), [1, 2]);
    },
  },
  {
    name: "refuses an append once it is closed, after those under way",
    async run({ store }) {
      const before = await store.head();
      // One that has to be encrypted first.
      const data = { userId: crypto.randomUUID(), email: "ada@example.org", plan: "free" };
      const events = [{ type: "Signed", data }];
      const last = store.append([{ stream: newStream(), expected: "none", events }], newMeta());
      await store.close();
      equal(await store.head(), before + 1);
      equal((await last).events.length, 1);
      await rejects(
        store.append([{ stream: newStream(), expected: "none", events: counted(1) }], newMeta()),
        /closed/,
      );
    },
  },
];

/** About 1.5 kB that no compression makes small. */
function noise(seed: number): string {
  let state = seed + 1;
  return Array.from({ length: 300 }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state.toString(36).slice(0, 5);
  }).join("");
}

export async function readFrom(
  store: EventStore,
  after: number,
  { limit, maxBytes }: { limit: number; maxBytes?: number },
): Promise<Recorded[]> {
  const all: Recorded[] = [];
  for (;;) {
    const page = await store.readAll({ after: all.at(-1)?.position ?? after, limit, maxBytes });
    if (page.length === 0) return all;
    all.push(...page);
  }
}
