import { freePort } from "./free_port.ts";

/** A throw-away PostgreSQL on a free loopback port, as its own user, in a folder of its own. */
export interface Cluster {
  readonly url: string;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Throws one sentence when the binaries are missing or the server does not start. */
export async function startCluster(
  { isDurable = true }: {
    /** False: survives its own crash, not the machine's, and makes databases in a tenth of the time. */
    readonly isDurable?: boolean;
  } = {},
): Promise<Cluster> {
  const bin = await binaries();
  const folder = await Deno.makeTempDir({ prefix: "postgres-" });
  const asRoot = Deno.uid() === 0;
  if (asRoot) await must(["chown", "postgres", folder]);
  const port = freePort();
  const settings =
    `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${folder} ` +
    "-c max_connections=200 -c shared_buffers=256MB -c max_wal_size=2GB -c log_min_messages=fatal" +
    (isDurable ? "" : " -c fsync=off");
  const ctl = `${bin}/pg_ctl -D ${folder}/data -w -t 60 -l ${folder}/log`;
  const run = (command: string) =>
    must(asRoot ? ["su", "postgres", "-s", "/bin/sh", "-c", command] : ["sh", "-c", command]);
  await run(`${bin}/initdb -D ${folder}/data -U postgres -A trust --no-sync -E UTF8 --locale=C`);
  await run(`${ctl} -o "${settings}" start`);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    restart: () => run(`${ctl} -o "${settings}" -m immediate restart`),
    async stop() {
      await run(`${ctl} -m immediate stop`);
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Folder of initdb and pg_ctl: the newest of Debian's, else the one in PATH. */
async function binaries(): Promise<string> {
  const versions: string[] = [];
  try {
    for await (const { name } of Deno.readDir("/usr/lib/postgresql")) versions.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const newest = versions.toSorted((a, b) => Number(b) - Number(a)).at(0);
  if (newest !== undefined) return `/usr/lib/postgresql/${newest}/bin`;
  const { success, stdout } = await new Deno.Command("which", { args: ["initdb"] }).output();
  if (success) return new TextDecoder().decode(stdout).trim().replace(/\/initdb$/, "");
  throw new Error("PostgreSQL is not installed: apt-get install postgresql");
}

async function must([command = "", ...args]: readonly string[]): Promise<void> {
  // Inherited pipes would keep this call waiting for the server that pg_ctl leaves running.
  const { success, code } = await new Deno.Command(command, {
    args,
    cwd: "/tmp",
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error(`${[command, ...args].join(" ")} failed with exit code ${code}`);
}

/** `postgres_cluster.ts -- <command…>`: runs it with TEST_DATABASE_URL and ends as it ended. */
if (import.meta.main) {
  const [command = "", ...args] = Deno.args.filter((arg, i) => i > 0 || arg !== "--");
  const cluster = await startCluster({ isDurable: false });
  try {
    const { code } = await new Deno.Command(command, {
      args,
      env: { TEST_DATABASE_URL: cluster.url },
    }).spawn().status;
    Deno.exitCode = code;
  } finally {
    await cluster.stop();
  }
}
