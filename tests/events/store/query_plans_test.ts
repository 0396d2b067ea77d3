import { deepEqual, equal, ok } from "node:assert/strict";
import type { Database, SqlValue } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { uuidV5 } from "@/events/uuid.ts";
import { counted, newMeta, newStream } from "../../contract/event_store_catalog.ts";
import { logTest } from "./open_log.ts";

const EVENTS = 40_000;
const COMMAND = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

/** A log of 2,000 streams in which one event in a thousand is of a rare type. */
async function fill(database: Database, after = 0): Promise<void> {
  await database.query(
    `insert into event select $2 + g, 'stream-' || g % 2000, (g - 1) / 2000 + 1,
       case when g = 9 then $1::uuid else gen_random_uuid() end,
       case when g % 1000 = 0 then 'Rare' else 'Common' end, 1, '{"n": 1}', '{}', now()
     from generate_series(1, ${EVENTS}) g`,
    [uuidV5(COMMAND, "0"), after],
  );
}

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly Plan[];
}

/** Rows of the log that a statement looked at, and whether it walked the whole table. */
function looked(plan: Plan): { rows: number; sequential: boolean } {
  const own = plan["Relation Name"] === "event";
  const rows = (plan["Actual Rows"] + (plan["Rows Removed by Filter"] ?? 0)) * plan["Actual Loops"];
  const parts = (plan.Plans ?? []).map(looked);
  return {
    rows: (own ? rows : 0) + parts.reduce((sum, part) => sum + part.rows, 0),
    sequential: (own && plan["Node Type"] === "Seq Scan") || parts.some((part) => part.sequential),
  };
}

function literal(value: SqlValue): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `array[${value.map(literal).join(",")}]`;
  return typeof value === "number" ? String(value) : `'${String(value)}'`;
}

/** Notes the reads that pass through to the real database. */
function noting(database: Database): { database: Database; reads: [string, SqlValue[]][] } {
  const reads: [string, SqlValue[]][] = [];
  const query: Database["query"] = (sql, params = []) => {
    reads.push([sql, [...params]]);
    return database.query(sql, params);
  };
  return { database: { ...database, query }, reads };
}

/** Once planned for its values and once for any values, as a prepared statement may be. */
async function explain(database: Database, sql: string, params: readonly SqlValue[]) {
  const modes = ["force_custom_plan", "force_generic_plan"];
  const values = params.length === 0 ? "" : `(${params.map(literal).join(", ")})`;
  return await Promise.all(modes.map(async (mode) => {
    const answers = await database.transaction([
      { sql: `set local plan_cache_mode = ${mode}` },
      { sql: `prepare explained as ${sql}` },
      { sql: `explain (analyze, format json) execute explained${values}` },
      { sql: "deallocate explained" },
    ]);
    const [plan] = trusted<{ "QUERY PLAN": [{ Plan: Plan }] }[]>(answers[2])[0]?.["QUERY PLAN"] ??
      [];
    return { mode, ...looked(plan?.Plan ?? trusted<Plan>(undefined)) };
  }));
}

logTest("hot reads of a long log look only at the rows that they return", async (log) => {
  await fill(log.database);
  for (const analyzed of [false, true]) {
    if (analyzed) await log.database.query("analyze event");
    const { database, reads } = noting(log.database);
    const store = await log.another(database);
    const asked: [string, () => Promise<unknown>, number][] = [
      ["a page", () => store.readAll({ after: 20_000, limit: 1_000 }), 1_000],
      ["the last page", () => store.readAll({ after: EVENTS - 3, limit: 1_000 }), 3],
      ["nothing new", () => store.readAll({ after: EVENTS, limit: 1_000 }), 0],
      ["a rare type", () => store.readAll({ after: 0, limit: 100, types: ["Rare"] }), 40],
      ["types", () => store.readAll({ after: 9, limit: 5, types: ["Rare", "Common"] }), 10],
      ["a stream by position", () => store.readAll({ after: 9, limit: 9, stream: "stream-7" }), 20],
      ["a stream", () => store.readStream("stream-7"), 21],
      ["a part of a stream", () => store.readStream("stream-7", { fromVersion: 5, limit: 2 }), 3],
      ["a stream that is not there", () => store.readStream("nothing"), 0],
      ["a command", () => store.findCommand(COMMAND), 17],
      ["an unknown command", () => store.findCommand(crypto.randomUUID()), 0],
      ["the head", () => store.head(), 1],
    ];
    for (const [what, ask, expected] of asked) {
      reads.length = 0;
      await ask();
      equal(reads.length, 1, `${what}: one statement`);
      for (const [sql, params] of reads) {
        for (const { mode, rows, sequential } of await explain(log.database, sql, params)) {
          const seen = `${what}, ${mode}, analyzed: ${analyzed}: ${rows} rows`;
          ok(!sequential, `${seen}, sequential scan`);
          ok(rows <= expected, `${seen}, at most ${expected} expected`);
        }
      }
    }
  }
});

const SCANS = {
  sql: "select seq_scan::int as n from pg_stat_xact_user_tables where relname = 'event'",
};

logTest(
  "appends never walk the log, also when they were planned while it was short",
  async (log) => {
    const noted = noting(log.database);
    const writer = await log.another(noted.database);
    const write = { stream: newStream(), expected: "none", events: counted(1, 2) } as const;
    await writer.append([{ ...write, stream: newStream() }], newMeta());
    await log.database.query("vacuum (analyze) event");
    await writer.append([{ ...write, stream: newStream() }], newMeta());
    await fill(log.database, await log.store.head());
    await writer.append([write], newMeta());
    const [sql, params] = noted.reads.findLast(([sql]) => sql.includes("from append(")) ?? ["", []];
    // The same again is a duplicate; with other ids it is a conflict; elsewhere it is appended.
    const ids = () => [crypto.randomUUID(), crypto.randomUUID()];
    const variants = [params, params.with(5, ids()), params.with(5, ids()).with(2, [newStream()])];
    const outcomes: unknown[] = [];
    for (const variant of variants) {
      const answers = await log.database.transaction([SCANS, { sql, params: variant }, SCANS]);
      const [before, rows, after] = answers.map(([row]) => row);
      outcomes.push([rows?.status, Number(after?.n) - Number(before?.n)]);
    }
    deepEqual(outcomes, [["duplicate", 0], ["conflict", 0], ["ok", 0]]);
  },
);
