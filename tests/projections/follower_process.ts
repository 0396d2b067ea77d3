import { systemClock } from "@/adapters/clock.ts";
import { openPostgres } from "@/adapters/database/postgres.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
import { createFollower } from "@/projections/follower.ts";
import { accountCatalog, accounts, payments } from "@/tests/support/projections.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

/** A process of its own that follows the log until it is killed. */
const [url = ""] = Deno.args;
const database = openPostgres({ url, poolMax: 4, applicationName: "follower" });
const store = await createSqlStore({ database, catalog: accountCatalog });
const follower = createFollower({
  ...{ database, store, projections: [accounts(), payments()], log: quietLog },
  ...{ clock: systemClock, pollMs: 20 },
});
await follower.start();
