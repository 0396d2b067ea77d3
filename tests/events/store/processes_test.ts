import { deepEqual, equal, ok } from "node:assert/strict";
import type { EventStore } from "@/events/store/store.ts";
import { assertLog, type Sent, tail } from "./oracle.ts";
import { logTest, type OpenLog } from "./open_log.ts";

const SCRIPT = new URL("./writer_process.ts", import.meta.url).pathname;
const COMMANDS = 40;

async function writeInProcess(url: string, commands = COMMANDS): Promise<Sent[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", SCRIPT, url, String(commands)],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  ok(success, text(stderr));
  return JSON.parse(text(stdout));
}

async function followThreeProcesses(
  { store, url = "", another, again }: OpenLog,
  meanwhile: () => Promise<void>,
): Promise<void> {
  let woken = 0;
  store.subscribe((events) => {
    equal(events.length, 0, "this process does not append");
    woken++;
  });
  const other = await another(await again());
  const readers = [
    tail(store, { limit: 7, maxBytes: 1 << 20 }),
    tail(other, {
      ...{ limit: 1_000, maxBytes: 500 },
    }),
  ];
  let writing = true;
  const processes = Promise.all([1, 2, 3].map(() => writeInProcess(url)));
  const disturbing = (async () => {
    while (writing) await meanwhile();
  })();
  const [written] = await Promise.allSettled([
    processes.finally(() => writing = false),
    disturbing,
  ]);
  for (const reader of readers) await reader.finish();
  if (written.status === "rejected") throw written.reason;
  const sent = written.value.flat();
  const log = await assertLog(store, sent);
  equal(sent.length, 3 * 8 * COMMANDS);
  for (const { seen } of readers) deepEqual(seen, log);
  ok(woken > 0, "NOTIFY reached this process");
}

logTest(
  "LISTEN/NOTIFY across two processes: this one hears of all that the other appends, and asks for nothing else",
  async ({ store, url = "" }) => {
    const log = followNotified(store);
    const sent = await writeInProcess(url, 3);
    equal(sent.length, 8 * 3);
    const head = await store.head();
    await log.holds(head);
    log.stop();
    deepEqual(log.positions, Array.from({ length: head }, (_, i) => i + 1));
    ok(log.notified <= head, `${log.notified} notifications of ${head} events`);
  },
  { engines: ["postgres"] },
);

interface NotifiedLog {
  readonly positions: readonly number[];
  readonly notified: number;
  /** Resolves when so many events are known here. */
  holds(count: number): Promise<void>;
  stop(): void;
}

/** Reads what is new when it is told to, and never otherwise. */
function followNotified(store: EventStore): NotifiedLog {
  const positions: number[] = [];
  let notified = 0;
  let reading: Promise<void> = Promise.resolve();
  let grown = Promise.withResolvers<void>();
  const stop = store.subscribe((events) => {
    equal(events.length, 0, "this process does not append");
    notified++;
    reading = reading.then(async () => {
      const page = await store.readAll({ after: positions.at(-1) ?? 0, limit: 1_000 });
      positions.push(...page.map(({ position }) => position));
      grown.resolve();
      grown = Promise.withResolvers();
    });
  });
  return {
    ...{ positions, stop },
    get notified() {
      return notified;
    },
    async holds(count) {
      while (positions.length < count) await grown.promise;
    },
  };
}

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 50));

logTest(
  "followers neither skip nor double an event under 8 writers in each of 3 processes",
  (log) => followThreeProcesses(log, pause),
  { engines: ["postgres"] },
);

logTest(
  "followers neither skip nor double an event while the writers' connections are killed",
  async (log) => {
    let killed = 0;
    const killer = await log.again();
    await followThreeProcesses(log, async () => {
      await pause();
      const rows = await killer.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'writer'
          and backend_start < now() - interval '150 ms'
        order by random() limit 2`);
      killed += rows.length;
    });
    ok(killed > 5, `${killed} connections killed`);
  },
  { engines: ["postgres"] },
);
