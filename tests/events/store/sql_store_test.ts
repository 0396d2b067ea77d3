import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
import type { Upcaster } from "@/events/store/upcast.ts";
import { testEventStore } from "../../contract/event_store.ts";
import { testCatalog } from "../../contract/event_store_catalog.ts";
import { databases } from "../../support/database.ts";

for (const { name, open } of databases()) {
  testEventStore(name, async () => {
    const { database, close } = await open();
    await migrate(database);
    const upcasters: Record<string, readonly Upcaster[]> = {};
    const store = await createSqlStore({ database, catalog: testCatalog, upcasters });
    return {
      store,
      upcasters,
      async close() {
        await store.close();
        await close();
      },
    };
  });
}
