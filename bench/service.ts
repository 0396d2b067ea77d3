import { MEMORY_FLAG } from "@/adapters/process/permission_flags.ts";
import { freePort } from "@/tests/support/free_port.ts";
import { answers } from "./influx.ts";

/** The real program in a process of its own, with an empty data directory. */
export interface Service {
  readonly base: string;
  readonly pid: number;
  readonly dataDir: string;
  readonly token: string;
  post(path: string, body: BodyInit, contentType: string): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
  remove(): Promise<void>;
}

export async function startService(
  { dataDir, databaseUrl, env = {} }: {
    dataDir?: string;
    databaseUrl?: string | undefined;
    env?: Record<string, string>;
  } = {},
): Promise<Service> {
  const folder = dataDir ?? await Deno.makeTempDir({ prefix: "chandlery-bench-" });
  const port = freePort();
  const token = "bench-token-of-this-run-only";
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MEMORY_FLAG, "main.ts", "serve"],
    env: {
      ...{ PORT: `${port}`, DATA_DIR: folder, ADMIN_TOKEN: token, CRON: "off", WATCH: "none" },
      ...{ RATE_LIMITS: `{"market":0,"write":0}`, LOG_LEVEL: "warn" },
      ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
      ...env,
    },
    stdout: "null",
    stderr: "inherit",
  }).spawn();
  const base = `http://127.0.0.1:${port}`;
  await answers(`${base}/health/ready`);
  return {
    ...{ base, pid: child.pid, dataDir: folder, token },
    async post(path, body, contentType) {
      const res = await fetch(`${base}${path}`, {
        method: "POST",
        headers: { "content-type": contentType, authorization: `Bearer ${token}` },
        body,
      });
      const answer = await res.json();
      if (!res.ok) {
        throw new Error(`${path} answered ${res.status}: ${JSON.stringify(answer.error)}`);
      }
      return answer.data;
    },
    async stop() {
      child.kill("SIGTERM");
      await child.status;
    },
    remove: () => Deno.remove(folder, { recursive: true }),
  };
}
