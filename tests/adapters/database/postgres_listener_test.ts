import { deepEqual, equal, rejects } from "node:assert/strict";
import { openPostgres } from "@/adapters/database/postgres.ts";
import { eventually } from "../../events/store/open_log.ts";

const server = Deno.env.get("TEST_DATABASE_URL");

/** Passes connections on to the server; all but the first wait to be let through. */
function relayTo({ hostname, port }: URL) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [waiting, through] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const open = new Set<Deno.Conn>();
  const pass = async (from: Deno.Conn, to: Deno.Conn) => {
    open.add(from);
    await from.readable.pipeTo(to.writable).catch(() => {});
    open.delete(from);
  };
  const passing = (async () => {
    for await (const [n, client] of entries(listener)) {
      open.add(client);
      if (n > 0) {
        waiting.resolve();
        await through.promise;
      }
      const upstream = await Deno.connect({ hostname, port: Number(port) });
      void pass(client, upstream);
      void pass(upstream, client);
    }
  })();
  return {
    port: listener.addr.port,
    /** Connections that nobody has closed. */
    open: () => open.size,
    waits: waiting.promise,
    letThrough: through.resolve,
    async close() {
      listener.close();
      await passing;
    },
  };
}

async function* entries(listener: Deno.Listener): AsyncGenerator<[number, Deno.Conn]> {
  let n = 0;
  for await (const client of listener) yield [n++, client];
}

Deno.test({
  name: "postgres that is told to stop while it connects again to listen leaves no connection open",
  ignore: server === undefined,
  async fn() {
    const applicationName = `listening-${crypto.randomUUID()}`;
    const url = new URL(server ?? "");
    const relay = relayTo(url);
    const watcher = openPostgres({ url: url.href, poolMax: 1 });
    url.port = String(relay.port);
    const database = openPostgres({ url: url.href, applicationName });
    let gaps = 0;
    const unlisten = await database.listen("news", () => {}, () => gaps++);
    const ended = await watcher.values(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1",
      [applicationName],
    );
    deepEqual(ended, [[true]]);
    await relay.waits;
    await unlisten();
    relay.letThrough();
    await eventually(() => relay.open() === 0);
    equal(gaps, 0);
    await database.close();
    await watcher.close();
    await relay.close();
  },
});

Deno.test({
  name: "postgres that cannot listen leaves no connection open",
  ignore: server === undefined,
  async fn() {
    const applicationName = `deaf-${crypto.randomUUID()}`;
    const watcher = openPostgres({ url: server ?? "", poolMax: 1 });
    const database = openPostgres({ url: server ?? "", applicationName });
    // Refused as a standby refuses any name.
    await rejects(database.listen("", () => {}, () => {}), /zero-length/);
    const open = () =>
      watcher.values("select pid from pg_stat_activity where application_name = $1", [
        applicationName,
      ]);
    await eventually(async () => (await open()).length === 0);
    await database.close();
    await watcher.close();
  },
});
