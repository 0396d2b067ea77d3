import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  accountRows,
  accounts,
  appendTo,
  expectedAccounts,
  payments,
  projectionTest,
  until,
  type World,
} from "@/tests/support/projections.ts";
import { accountEvent } from "./arbitrary_accounts.ts";

const SCRIPT = new URL("./follower_process.ts", import.meta.url).pathname;
const LIVES = 5;

/** Starts a follower in a process of its own; answers how to end it as a power cut does. */
function startFollower(url: string): () => Promise<Deno.CommandStatus> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", SCRIPT, url],
    ...{ stdin: "null", stdout: "null", stderr: "inherit" },
  }).spawn();
  return async () => {
    child.kill("SIGKILL");
    return await child.status;
  };
}

/** Up to where the read models have come, and how many rows of one they hold. */
async function progress({ database }: World): Promise<number> {
  const [row] = await database.query("select coalesce(max(pos), 0) as pos from payments_v1")
    .catch(() => []);
  return Number(row?.pos ?? 0);
}

projectionTest("a follower in a process that is killed and started again", {
  async "leaves the rows of one that nobody disturbed, while writers go on"(world) {
    const events = fc.sample(fc.array(accountEvent, { minLength: 1, maxLength: 20 }), 5_000);
    let [written, writing] = [0, true];
    const writer = (async () => {
      while (writing) await appendTo(world.store, events[written++ % events.length] ?? []);
    })();
    let inTheMiddle = 0;
    try {
      for (let life = 0; life < LIVES; life++) {
        const before = await progress(world);
        const kill = startFollower(world.url ?? "");
        await until(async () => await progress(world) > before);
        const { signal } = await kill();
        equal(signal, "SIGKILL");
        if (await progress(world) < await world.store.head()) inTheMiddle++;
        // As if the three seconds were over after which a silent one counts as gone.
        await world.database.query(
          "update checkpoint set claimed_at = now() - interval '1 minute'",
        );
      }
    } finally {
      writing = false;
      await writer;
    }
    ok(inTheMiddle >= LIVES - 1, `${inTheMiddle} of ${LIVES} were killed with work before them`);

    const last = await world.follow([accounts(), payments()]);
    equal(await last.waitFor(await world.store.head(), 60_000), true);
    const killed = [await accountRows(world.database), await paymentRows(world)];
    deepEqual(killed[0], expectedAccounts(await world.store.readAll({ after: 0, limit: 1e6 })));
    // Made anew from the first event on, by one that lives to its end.
    for (const name of ["accounts", "payments"]) await last.rebuild(name, {});
    deepEqual([await accountRows(world.database), await paymentRows(world)], killed);
  },
}, { engines: ["postgres"] });

async function paymentRows({ database }: World): Promise<unknown[][]> {
  return await database.values("select pos, id, amount from payments_v1 order by pos");
}
