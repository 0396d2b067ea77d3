import { freePort } from "@/tests/support/free_port.ts";

export interface Influx {
  /** Line protocol, ms precision; resolves when influxd has acknowledged. */
  write(lines: string): Promise<void>;
  count(): Promise<number>;
  stop(): Promise<void>;
}

/** A throw-away influxd on loopback; undefined where it is not installed. */
export async function startInflux(): Promise<Influx | undefined> {
  const binary = await find("influxd");
  if (binary === undefined) return undefined;
  const folder = await Deno.makeTempDir({ prefix: "influx-" });
  const [http, rpc] = [freePort(), freePort()];
  await Deno.writeTextFile(
    `${folder}/influxdb.conf`,
    `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${folder}/meta"
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
`,
  );
  const child = new Deno.Command(binary, {
    args: ["-config", `${folder}/influxdb.conf`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  const base = `http://127.0.0.1:${http}`;
  await answers(`${base}/ping`);
  await query(base, "create database bench");
  return {
    async write(lines) {
      const res = await fetch(`${base}/write?db=bench&precision=ms`, {
        method: "POST",
        body: lines,
      });
      const text = await res.text();
      if (res.status !== 204) throw new Error(`influxd answered ${res.status}: ${text}`);
    },
    async count() {
      const answer = await query(base, "select count(open) from candles", "bench");
      return answer.results[0]?.series?.[0]?.values[0]?.[1] ?? 0;
    },
    async stop() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

interface InfluxAnswer {
  readonly results: readonly { readonly series?: readonly { readonly values: number[][] }[] }[];
}

async function query(base: string, q: string, db = ""): Promise<InfluxAnswer> {
  const res = await fetch(`${base}/query?db=${db}`, {
    method: "POST",
    body: new URLSearchParams({ q }),
  });
  return await res.json();
}

async function find(name: string): Promise<string | undefined> {
  const { success, stdout } = await new Deno.Command("which", { args: [name] }).output();
  return success ? new TextDecoder().decode(stdout).trim() : undefined;
}

/** Polls a starting server, for at most 20 s. */
export async function answers(url: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Cannot reach ${url}: it did not answer within 20 s`);
}
