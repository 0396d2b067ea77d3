import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { openPostgres } from "@/adapters/database/postgres.ts";
import { type Database, DatabaseError } from "@/events/store/database.ts";
import { counted, newMeta, newStream } from "../../contract/event_store_catalog.ts";
import { eventually, logTest } from "./open_log.ts";

const FORBIDDEN = [
  "update event set type = 'Forged'",
  "update event set data = '{}' where pos = 1",
  "delete from event where pos = 1",
  "truncate event",
];

logTest("log refuses UPDATE, DELETE and TRUNCATE", async ({ database, store }) => {
  await store.append([{ stream: "a", expected: "none", events: counted(1) }], newMeta());
  const before = await store.readAll({ after: 0, limit: 10 });
  for (const statement of FORBIDDEN) {
    await rejects(database.query(statement), (error) => {
      ok(error instanceof DatabaseError);
      equal(error.sqlstate, "42501", statement);
      return true;
    });
  }
  deepEqual(await store.readAll({ after: 0, limit: 10 }), before);
});

logTest("log holds personal fields only encrypted", async ({ database, store }) => {
  const data = { userId: "u1", email: "ada@example.org", plan: "free" };
  await store.append(
    [{ stream: "a", expected: "none", events: [{ type: "Signed", data }] }],
    newMeta(),
  );
  const [row] = await database.query("select event::text as text from event");
  ok(!String(row?.text).includes("ada@"));
  ok(String(row?.text).includes("u1"));
  await store.eraseSubject("u1");
  const keys = await database.query("select subject, key from subject_key");
  deepEqual(keys, [{ subject: "u1", key: null }]);
});

logTest("log does not decrypt a ciphertext that was moved to another event", async (log) => {
  const { database, store } = log;
  const data = { userId: "u1", email: "ada@example.org", plan: "free" };
  const write = { stream: "a", expected: "any", events: [{ type: "Signed", data }] } as const;
  await store.append([write], newMeta());
  await database.query(
    `insert into event select pos + 1, stream, version + 1, $1, type, schema,
    data, meta, at from event`,
    [crypto.randomUUID()],
  );
  await rejects(store.readStream("a"), { name: "OperationError" });
});

logTest("log gives no event a time before that of the one before it", async (log) => {
  const { database, store } = log;
  const append = (stream: string) =>
    store.append([{ stream, expected: "none", events: counted(1) }], newMeta());
  await append("a");
  // As of a server whose clock was ahead.
  await database.query(
    `insert into event select pos + 1, 'b', 1, $1, type, schema, data, meta, at + interval '1 hour'
     from event`,
    [crypto.randomUUID()],
  );
  await append("c");
  const [, ahead, next] = await store.readAll({ after: 0, limit: 3 });
  deepEqual(next?.at, ahead?.at);
});

logTest("erasure reaches another instance that holds the key in its cache", async (log) => {
  const other = await log.another(await log.again());
  const data = { userId: "u1", email: "ada@example.org", plan: "free" };
  const write = { stream: "a", expected: "none", events: [{ type: "Signed", data }] } as const;
  await log.store.append([write], newMeta());
  const seen = async () => (await other.readStream("a")).events[0]?.data.email;
  equal(await seen(), data.email);
  await log.store.eraseSubject("u1");
  await eventually(async () => await seen() === null);
});

logTest(
  "an append is told to other instances without events, to its own with them",
  async (log) => {
    const other = await log.another(await log.again());
    const heard: { own: number[]; foreign: number[] } = { own: [], foreign: [] };
    log.store.subscribe((events) => heard.own.push(events.length));
    other.subscribe((events) => heard.foreign.push(events.length));
    await log.store.append([{ stream: "a", expected: "none", events: counted(1, 2) }], newMeta());
    await eventually(() => heard.foreign.length === 1);
    // A second round: had the first also been told to its own instance as foreign, it shows by now.
    await log.store.append([{ stream: "b", expected: "none", events: counted(3) }], newMeta());
    await eventually(() => heard.foreign.length === 2);
    deepEqual(heard, { own: [2, 1], foreign: [0, 0] });
  },
);

logTest(
  "a command that the database cannot take hurts only itself",
  async ({ database, store }) => {
    await database.script(`
    create function refuse_poison() returns trigger language plpgsql as $$
    begin raise exception 'cannot store this' using errcode = 'data_exception'; end $$;
    create trigger poison before insert on event for each row
      when (new.type = 'Renamed') execute function refuse_poison();`);
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, (_, i) => {
      const poison = [{ type: "Renamed", data: { name: "poison" } }];
      const events = i % 10 === 4 ? [...counted(0), ...poison] : counted(i);
      return store.append([{ stream: newStream(), expected: "none", events }], newMeta());
    }));
    const failed = outcomes.flatMap(({ status }, i) => status === "rejected" ? [i] : []);
    deepEqual(failed, [4, 14, 24]);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") equal(outcome.reason.sqlstate, "22000");
    }
    equal(await store.head(), 27);
  },
);

/** The real database, of which some calls fail before or after they were carried out. */
function unreliable(database: Database, failing: ("before" | "after")[]): Database {
  return {
    ...database,
    async query(sql, params) {
      if (!sql.includes("from append(")) return await database.query(sql, params);
      const fault = failing.shift();
      const lost = new DatabaseError("connection lost", {});
      if (fault === "before") throw lost;
      const rows = await database.query(sql, params);
      if (fault === "after") throw lost;
      return rows;
    },
  };
}

logTest("an append whose answer was lost is repeated and found, not doubled", async (log) => {
  const store = await log.another(unreliable(log.database, ["before", "after"]));
  const heard: number[] = [];
  store.subscribe((events) => heard.push(events.length));
  const outcomes = await Promise.all(
    [1, 2, 3].map((n) =>
      store.append([{ stream: newStream(), expected: "none", events: counted(n) }], newMeta())
    ),
  );
  deepEqual(outcomes.map(({ position }) => position), [1, 2, 3]);
  deepEqual(outcomes.map(({ events }) => events[0]?.data.n), [1, 2, 3]);
  equal(await store.head(), 3);
  deepEqual(heard, [0], "the readers of this process are woken");
});

logTest("appends fail together, and soon, when the database stays away", async (log) => {
  const faults = Array.from({ length: 4 }, () => "before" as const);
  const store = await log.another(unreliable(log.database, faults));
  const outcomes = await Promise.allSettled(
    [1, 2, 3].map((n) =>
      store.append([{ stream: newStream(), expected: "none", events: counted(n) }], newMeta())
    ),
  );
  deepEqual(outcomes.map(({ status }) => status), ["rejected", "rejected", "rejected"]);
  equal(faults.length, 0, "one call and three repeats for all of them");
  await store.append([{ stream: newStream(), expected: "none", events: counted(4) }], newMeta());
  equal(await store.head(), 1);
});

logTest(
  "an append of which nothing is known any more wakes the readers of its process",
  async (log) => {
    const store = await log.another(unreliable(log.database, ["after", "after", "after", "after"]));
    const heard: number[] = [];
    store.subscribe((events) => heard.push(events.length));
    const meta = newMeta();
    const write = { stream: "a", expected: "none", events: counted(1) } as const;
    await rejects(store.append([write], meta), { name: "DatabaseError", retryable: true });
    deepEqual(heard, [0]);
    equal((await store.append([write], meta)).duplicate, true);
    equal(await store.head(), 1);
  },
);

logTest("log names every blob that an event refers to, at any depth", async (log) => {
  const { store, database } = log;
  const value = {
    blob: { sha256: "a1" },
    files: [{ sha256: "b2" }, { inner: { sha256: "c3" } }, { sha256: null }, { sha256: 7 }],
    sha256: "d4",
  };
  for (const data of [value, { sha256: "e5" }, { none: "sha256" }, "sha256"]) {
    const events = [{ type: "Noted", data: { value: data } }];
    await store.append([{ stream: newStream(), expected: "none", events }], newMeta());
  }
  // Long logs are read in windows.
  for (const position of [20_000, 20_001, 40_000]) {
    await database.query(
      `insert into event select $1::int, 'far', $1::int, gen_random_uuid(), type, schema,
        jsonb_build_object('sha256', 'f' || $1::int), meta, at from event where pos = 1`,
      [position],
    );
  }
  const found = new Set(await Array.fromAsync(store.blobReferences()));
  const far = ["f20000", "f20001", "f40000"];
  deepEqual([...found].sort(), ["a1", "b2", "c3", "d4", "e5", ...far]);
});

logTest(
  "time does not go back when the clock of the database does",
  async ({ database, store }) => {
    await store.append([{ stream: "a", expected: "none", events: counted(1) }], newMeta());
    await database.query(
      `insert into event select pos + 1, stream, version + 1, $1, type, schema,
    data, meta, '2999-01-01' from event`,
      [crypto.randomUUID()],
    );
    const { events } = await store.append([{ stream: "a", expected: 2, events: counted(3) }], {
      ...newMeta(),
    });
    equal(events[0]?.at.toISOString(), "2999-01-01T00:00:00.000Z");
  },
);

const SLEEPERS = `from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'
  and backend_xid is not null and application_name = $1`;

logTest(
  "transactions that others hold open, here or in another database, delay no reader",
  async ({ database, store, url = "" }) => {
    const name = crypto.randomUUID();
    const elsewhere = new URL(url);
    elsewhere.pathname = "/postgres";
    const holders = [url, elsewhere.href].map((where) =>
      openPostgres({ url: where, poolMax: 1, applicationName: name })
    );
    const open = holders.map((holder) =>
      holder.transaction([{ sql: "select txid_current()" }, { sql: "select pg_sleep(60)" }])
        .catch(() => "ended")
    );
    const sleeping = async () => (await database.query(`select pid ${SLEEPERS}`, [name])).length;
    await eventually(async () => await sleeping() === 2);
    for (let n = 0; n < 20; n++) {
      const { position } = await store.append(
        [{ stream: newStream(), expected: "none", events: counted(n) }],
        newMeta(),
      );
      const page = await store.readAll({ after: position - 1, limit: 10 });
      deepEqual(page.map(({ data }) => data.n), [n]);
    }
    equal(await sleeping(), 2);
    await database.query(`select pg_terminate_backend(pid) ${SLEEPERS}`, [name]);
    deepEqual(await Promise.all(open), ["ended", "ended"]);
    await Promise.all(holders.map((holder) => holder.close()));
  },
  { engines: ["postgres"] },
);
