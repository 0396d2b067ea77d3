import { migrate } from "@/events/store/migrate.ts";
import type { Database } from "@/events/store/database.ts";
import { createSqlStore, type SqlEventStore } from "@/events/store/sql_store.ts";
import { testCatalog } from "../../contract/event_store_catalog.ts";
import { databases } from "../../support/database.ts";
import type { OpenDatabase } from "../../support/embedded.ts";

export interface OpenLog extends OpenDatabase {
  readonly store: SqlEventStore;
  /** A store as another process would have it; on `database` unless another one is given. */
  another(database?: Database): Promise<SqlEventStore>;
}

/** One test for each database, on a migrated log of its own. */
export function logTest(
  name: string,
  run: (log: OpenLog) => Promise<void>,
  { engines = ["pglite", "postgres"] }: { engines?: readonly ("pglite" | "postgres")[] } = {},
): void {
  for (const engine of databases().filter((found) => engines.includes(found.name))) {
    Deno.test(`${name} (${engine.name})`, async () => {
      const opened = await engine.open();
      const stores: SqlEventStore[] = [];
      const another = async (database: Database = opened.database) => {
        const store = await createSqlStore({
          database,
          catalog: testCatalog,
          wait: () => Promise.resolve(),
        });
        stores.push(store);
        return store;
      };
      try {
        await migrate(opened.database);
        await run({ ...opened, store: await another(), another });
      } finally {
        await Promise.all(stores.map((store) => store.close()));
        await opened.close();
      }
    });
  }
}

/** Asks again until it is true: only where another connection or process is waited for. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error("It did not become true in 20 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
