import { deepEqual, equal, rejects } from "node:assert/strict";
import { type Decider, Refusal } from "@/domain/decider.ts";
import { handle } from "@/domain/handle.ts";
import type { EventStore, StreamWrite } from "@/events/store/store.ts";
import { counted, newMeta, newStream, type StoreCase } from "./event_store_catalog.ts";

interface Count {
  readonly add: number;
}
type CountedEvent = { readonly type: "Counted"; readonly data: { readonly n: number } };

/** Adds to a sum, which may not exceed 10; adding nothing is silent. */
const counter: Decider<Count, CountedEvent, number> = {
  initial: 0,
  decide({ add }, sum) {
    if (sum + add > 10) throw new Refusal("conflict", "Cannot count beyond 10");
    return add === 0 ? [] : [{ type: "Counted", data: { n: add } }];
  },
  evolve: (sum, { data }) => sum + data.n,
};

async function sumOf(store: EventStore, stream: string): Promise<number> {
  const { events } = await store.readStream<CountedEvent>(stream);
  return events.reduce(counter.evolve, counter.initial);
}

export const handleCases: readonly StoreCase[] = [
  {
    name: "decides on the state of the stream and appends at the version that was read",
    async run({ store }) {
      const stream = newStream();
      const first = await handle({ store }, counter, {
        stream,
        command: { add: 4 },
        meta: newMeta(),
      });
      deepEqual(first.events.map(({ data }) => data), [{ n: 4 }]);
      equal(first.position, await store.head());
      equal(first.replayed, false);
      await handle({ store }, counter, { stream, command: { add: 6 }, meta: newMeta() });
      equal(await sumOf(store, stream), 10);
    },
  },
  {
    name: "answers a repeated command from the log, before deciding",
    async run({ store }) {
      const [stream, meta] = [newStream(), newMeta()];
      const request = { stream, command: { add: 9 }, meta };
      const first = await handle({ store }, counter, request);
      // Decided again, 9 more would be refused.
      const again = await handle({ store }, counter, request);
      equal(again.replayed, true);
      deepEqual(again.events, first.events);
      equal(again.position, first.position);
      equal(await sumOf(store, stream), 9);
    },
  },
  {
    name: "acts once when a command comes several times at the same moment",
    async run({ store }) {
      const [stream, meta] = [newStream(), newMeta()];
      const all = await Promise.all(
        [1, 2, 3].map(() => handle({ store }, counter, { stream, command: { add: 6 }, meta })),
      );
      equal(all.filter(({ replayed }) => !replayed).length, 1);
      equal(await sumOf(store, stream), 6);
    },
  },
  {
    name: "refuses a command id that was used with another body",
    async run({ store }) {
      const [stream, meta] = [newStream(), { ...newMeta(), fingerprint: "a" }];
      const request = (fingerprint?: string) => ({
        ...{ stream, command: { add: 1 } },
        meta: { ...meta, fingerprint },
      });
      await handle({ store }, counter, request("a"));
      equal((await handle({ store }, counter, request("a"))).replayed, true);
      for (const other of ["b", undefined]) {
        await rejects(
          handle({ store }, counter, request(other)),
          (error) => error instanceof Refusal && error.code === "validation_error",
        );
      }
    },
  },
  {
    name: "passes a refusal on and records nothing",
    async run({ store }) {
      const [stream, meta] = [newStream(), newMeta()];
      await rejects(
        handle({ store }, counter, { stream, command: { add: 11 }, meta }),
        (error) => error instanceof Refusal && error.code === "conflict",
      );
      deepEqual(await store.findCommand(meta.commandId), []);
    },
  },
  {
    name: "answers with the head of the log when nothing changes",
    async run({ store }) {
      const result = await handle({ store }, counter, {
        ...{ stream: newStream(), command: { add: 0 }, meta: newMeta() },
      });
      deepEqual(result, { events: [], position: await store.head(), replayed: false });
    },
  },
  {
    name: "decides again when another writer came first, so that none is lost",
    async run({ store }) {
      const stream = newStream();
      const one = () =>
        handle({ store }, counter, { stream, command: { add: 1 }, meta: newMeta(), attempts: 20 });
      await Promise.all(Array.from({ length: 10 }, one));
      equal(await sumOf(store, stream), 10);
      await rejects(one(), Refusal);
    },
  },
  {
    name: "gives up after the attempts allowed",
    async run({ store }) {
      const stream = newStream();
      let tries = 0;
      // Another writer that is always faster.
      const raced: EventStore = {
        ...bound(store),
        async append(writes: readonly StreamWrite[], meta) {
          tries++;
          await store.append([{ stream, expected: "any", events: counted(0) }], newMeta());
          return await store.append(writes, meta);
        },
      };
      const request = { stream, command: { add: 1 }, meta: newMeta(), attempts: 3 };
      await rejects(handle({ store: raced }, counter, request), { name: "VersionConflict" });
      equal(tries, 3);
    },
  },
];

function bound(store: EventStore): EventStore {
  return {
    append: (writes, meta) => store.append(writes, meta),
    readStream: (stream, options) => store.readStream(stream, options),
    readAll: (options) => store.readAll(options),
    findCommand: (id) => store.findCommand(id),
    head: () => store.head(),
    subscribe: (listener) => store.subscribe(listener),
    close: () => store.close(),
  };
}
