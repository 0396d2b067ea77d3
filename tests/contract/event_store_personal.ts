import { deepEqual, equal, ok } from "node:assert/strict";
import type { EventStore } from "@/events/store/store.ts";
import { readReservation, release, reservationStream, take } from "@/events/store/reservation.ts";
import { counted, newMeta, newStream, type StoreCase } from "./event_store_catalog.ts";

const ADA = { email: "ada@example.org", address: { street: "St James's Square", city: "London" } };

function sign(store: EventStore, stream: string, data: Record<string, unknown>) {
  return store.append([{ stream, expected: "any", events: [{ type: "Signed", data }] }], newMeta());
}

async function dataOf(store: EventStore, stream: string) {
  return (await store.readStream(stream)).events.map(({ data }) => data);
}

export const personalCases: readonly StoreCase[] = [
  {
    name: "gives personal fields back to readers as they were written",
    async run({ store }) {
      const [stream, userId] = [newStream(), crypto.randomUUID()];
      const data = { userId, ...ADA, plan: "free" };
      const { events: [written] } = await sign(store, stream, data);
      deepEqual(written?.data, data);
      deepEqual(await dataOf(store, stream), [data]);
      deepEqual((await store.findCommand(written?.meta.commandId ?? ""))[0]?.data, data);
    },
  },
  {
    name: "leaves out personal fields that were not given, and keeps null as null",
    async run({ store }) {
      const [stream, userId] = [newStream(), crypto.randomUUID()];
      await sign(store, stream, { userId, email: null, plan: "free" });
      await sign(store, stream, { userId, email: "", plan: "free" });
      deepEqual(await dataOf(store, stream), [
        { userId, email: null, plan: "free" },
        { userId, email: "", plan: "free" },
      ]);
    },
  },
  {
    name: "reads the personal fields of an erased subject as null, the others as before",
    async run({ store }) {
      const [stream, gone, stays] = [newStream(), crypto.randomUUID(), crypto.randomUUID()];
      await sign(store, stream, { userId: gone, ...ADA, plan: "free" });
      await sign(store, stream, { userId: stays, ...ADA, plan: "paid" });
      await store.readStream(stream);
      await store.eraseSubject(gone);
      deepEqual(await dataOf(store, stream), [
        { userId: gone, email: null, address: null, plan: "free" },
        { userId: stays, ...ADA, plan: "paid" },
      ]);
    },
  },
  {
    name: "keeps no personal field of a subject that was erased before",
    async run({ store }) {
      const [stream, userId] = [newStream(), crypto.randomUUID()];
      await store.eraseSubject(userId);
      await store.eraseSubject(userId);
      const { events: [late] } = await sign(store, stream, { userId, ...ADA, plan: "free" });
      const bare = { userId, email: null, address: null, plan: "free" };
      deepEqual(late?.data, bare);
      deepEqual(await dataOf(store, stream), [bare]);
    },
  },
  {
    name: "decrypts before it upcasts",
    async run({ store, upcasters }) {
      const [stream, userId] = [newStream(), crypto.randomUUID()];
      await sign(store, stream, { userId, email: ADA.email, plan: "free" });
      upcasters.Signed = [({ email, ...rest }) => ({ ...rest, mail: email })];
      deepEqual(await dataOf(store, stream), [{ userId, plan: "free", mail: ADA.email }]);
      await store.eraseSubject(userId);
      deepEqual(await dataOf(store, stream), [{ userId, plan: "free", mail: null }]);
      delete upcasters.Signed;
    },
  },
  {
    name: "keeps the order of a stream when one of its events takes longer to encrypt",
    async run({ store }) {
      const [stream, userId] = [newStream(), crypto.randomUUID()];
      const signed = [{ type: "Signed", data: { userId, ...ADA, plan: "free" } }];
      await Promise.all([
        store.append([{ stream, expected: 0, events: signed }], newMeta()),
        store.append([{ stream, expected: 1, events: counted(1) }], newMeta()),
        store.append([{ stream, expected: 2, events: signed }], newMeta()),
        store.append([{ stream, expected: 3, events: counted(2) }], newMeta()),
      ]);
      equal((await store.readStream(stream)).version, 4);
    },
  },
  {
    name: "makes a secret once and gives the same ever after",
    async run({ store }) {
      const name = newStream();
      const [a, b] = await Promise.all([store.secret(name), store.secret(name)]);
      equal(a.length, 32);
      deepEqual(a, b);
      deepEqual(await store.secret(name), a);
      ok(a.toHex() !== (await store.secret(`${name}-other`)).toHex());
    },
  },
  {
    name: "reserves a value for one, frees it and lets another take it",
    async run({ store }) {
      const kind = "username";
      const stream = await reservationStream(await store.secret("names"), kind, "grace");
      ok(!stream.includes("grace"));
      const read = () => readReservation(store, { kind, stream });
      const free = await read();
      equal(free.holder, undefined);
      await store.append([take(free, "user-1")], newMeta());
      const held = await read();
      equal(held.holder, "user-1");
      await store.append([release(held)], newMeta());
      const freed = await read();
      deepEqual([freed.holder, freed.version], [undefined, 2]);
      await store.append([take(freed, "user-2")], newMeta());
      equal((await read()).holder, "user-2");
    },
  },
  {
    name: "gives a value to one of those who take it at the same moment, and only to that one",
    async run({ store }) {
      const kind = "username";
      const stream = await reservationStream(await store.secret("names"), kind, newStream());
      const free = await readReservation(store, { kind, stream });
      const attempts = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => {
        const account = { stream: newStream(), expected: "none", events: counted(i) } as const;
        return store.append([account, take(free, `user-${i}`)], newMeta());
      }));
      equal(attempts.filter(({ status }) => status === "fulfilled").length, 1);
      const winner = attempts.findIndex(({ status }) => status === "fulfilled");
      equal((await readReservation(store, { kind, stream })).holder, `user-${winner}`);
    },
  },
];
