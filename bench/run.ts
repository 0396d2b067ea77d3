import { openPglite } from "@/adapters/database/pglite.ts";
import { openPostgres } from "@/adapters/database/postgres.ts";
import type { Database } from "@/events/store/database.ts";
import { startCluster } from "@/tests/support/postgres_cluster.ts";
import { SHARED_DATA } from "@/tests/support/shared_data.ts";
import { benchArchive } from "./archive.ts";
import { benchAppends } from "./append.ts";
import { startTimes } from "./commands.ts";
import { openCounted } from "./counted.ts";
import { benchCrawlMemory } from "./crawl_memory.ts";
import { benchIngest, benchReadsDuringIngest } from "./ingest.ts";
import { benchAggregate, benchReads } from "./read.ts";
import { benchRebuild } from "./rebuild.ts";
import { markdown, type Result, result, table } from "./result.ts";
import { sqlYear } from "./sql_year.ts";
import { benchStall } from "./stall.ts";

/**
 * `deno task bench [part…]`: measures the claims of the design beside their peers on a throw-away
 * PostgreSQL, prints a table and writes `bench/results.json`. Parts: append, ingest, read,
 * aggregate, archive, rebuild, start, stall, memory.
 */
const cluster = await startCluster();
const folders: string[] = [];

async function freshPostgres(): Promise<string> {
  const name = `bench_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = openPostgres({ url: cluster.url, poolMax: 1 });
  await admin.script(`create database ${name}`);
  await admin.close();
  return cluster.url.replace(/\/postgres$/, `/${name}`);
}

async function open(engine: string): Promise<Database> {
  if (engine === "postgres") return openPostgres({ url: await freshPostgres() });
  const folder = await Deno.makeTempDir({ prefix: "bench-" });
  folders.push(folder);
  return await openPglite({ dataDir: `${folder}/db` });
}

const PARTS: Readonly<Record<string, () => Promise<Result[]>>> = {
  async append() {
    const houses = await Promise.all(
      ["postgres", "postgres", "pglite", "pglite"].map(async (engine, i) =>
        await openCounted(await open(engine), { follow: i % 2 === 1 })
      ),
    );
    const subjects = (at: number) => {
      const [alone, followed] = [houses[at], houses[at + 1]];
      if (alone === undefined || followed === undefined) throw new Error("Cannot measure nothing");
      return { alone: alone.append, visible: followed.appendVisible };
    };
    const results = await benchAppends(await freshPostgres(), {
      postgres: subjects(0),
      pglite: subjects(2),
    });
    for (const house of houses) await house.close();
    return results;
  },
  async ingest() {
    return [
      ...await benchIngest(SHARED_DATA, freshPostgres),
      ...await benchReadsDuringIngest(SHARED_DATA),
    ];
  },
  read: () => benchReads(SHARED_DATA),
  aggregate: () =>
    benchAggregate(SHARED_DATA, async (shared) => sqlYear(await open("postgres"), shared)),
  archive: () => benchArchive(SHARED_DATA),
  rebuild: () => benchRebuild(SHARED_DATA, open),
  async start() {
    const { firstMs, againMs } = await startTimes();
    return [
      result({ name: "first start", unit: "ms", value: firstMs, goal: { atMost: 6_000 } }),
      result({
        name: "start on existing data",
        unit: "ms",
        value: againMs,
        goal: { atMost: 1_500 },
      }),
    ];
  },
  stall: () => benchStall(SHARED_DATA),
  memory: () => benchCrawlMemory(),
};

const wanted = Deno.args.length > 0 ? Deno.args : Object.keys(PARTS);
const results: Result[] = [];
try {
  for (const name of wanted) {
    const part = PARTS[name];
    if (part === undefined) {
      throw new Error(`Unknown part ${name}: ${Object.keys(PARTS).join(", ")}`);
    }
    say(`… ${name}`);
    results.push(...await part());
  }
} finally {
  await cluster.stop();
  for (const folder of folders) await Deno.remove(folder, { recursive: true });
}
say(table(results));
const path = new URL("results.json", import.meta.url);
const all = await merged(results);
await Deno.writeTextFile(path, `${JSON.stringify(all, null, 2)}\n`);
await showInReadme(all);

/** The table that people read is made of the file, so that the two never differ. */
async function showInReadme(shown: readonly Result[]): Promise<void> {
  const readme = new URL("README.md", import.meta.url);
  const text = await Deno.readTextFile(readme);
  const marked = /(<!-- results -->\n)[^]*?(\n<!-- \/results -->)/;
  await Deno.writeTextFile(
    readme,
    text.replace(marked, (_, from: string, to: string) => `${from}\n${markdown(shown)}\n${to}`),
  );
}

/** A run of some parts keeps what the file says of the others. */
async function merged(fresh: readonly Result[]): Promise<Result[]> {
  const before: Result[] = await Deno.readTextFile(path).then(JSON.parse, () => []);
  const names = new Set(fresh.map(({ name }) => name));
  return [...before.filter(({ name }) => !names.has(name)), ...fresh];
}

function say(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
