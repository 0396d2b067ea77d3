import { openPostgres } from "@/adapters/database/postgres.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
import { testCatalog } from "../../contract/event_store_catalog.ts";
import { carryOut, type Sent, type Step } from "./oracle.ts";

/** A process of its own that writes with 8 writers and prints what became of each command. */
const [url = "", commands = "0"] = Deno.args;
const database = openPostgres({ url, poolMax: 10, applicationName: "writer" });
const store = await createSqlStore({ database, catalog: testCatalog });
const sent: Sent[] = [];

await Promise.all(Array.from({ length: 8 }, async (_, writer) => {
  for (let n = 0; n < Number(commands); n++) sent.push(await stubborn(stepOf(writer, n)));
}));
await store.close();
await database.close();
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(sent)));

function stepOf(writer: number, n: number): Step {
  const hot = `hot-${(writer * 7 + n * 3) % 12}`;
  return {
    streams: n % 5 === 0 ? [hot, `hot-${n % 12}`] : [hot],
    belief: n % 2 === 0 ? "any" : "read",
    count: 1 + n % 3,
    repeat: n % 10 === 0,
  };
}

/** Goes on with the same command until it is known what became of it. */
async function stubborn(step: Step): Promise<Sent> {
  const commandId = crypto.randomUUID();
  for (;;) {
    try {
      return await carryOut(step, [store, store], commandId);
    } catch (error) {
      if (!(error instanceof DatabaseError) || !error.retryable) throw error;
    }
  }
}
