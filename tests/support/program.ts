import { readHolder } from "@/adapters/directory_lock.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const ROOT = new URL("../../", import.meta.url).pathname;

/** A command of the real program that has ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Settings = Readonly<Record<string, string>>;

/** The real service in a process of its own. */
export interface RunningProgram {
  readonly address: string;
  readonly pid: number;
  readonly settings: Settings;
  /** What it has written to standard error so far. */
  log(): string;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** With the admin token. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** Sends the signal and waits: the exit code, and how long it took. */
  stop(signal?: Deno.Signal): Promise<{ readonly code: number; readonly ms: number }>;
}

/** Runs one command of the real program to its end. */
export async function runProgram(
  args: readonly string[],
  { settings = {}, flags = ["-A"] }: { settings?: Settings; flags?: readonly string[] } = {},
): Promise<Ended> {
  const output = await command(args, settings, flags).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

/** Runs one command and sends it a signal once `when` holds; answers how it ended. */
export async function interruptProgram(
  args: readonly string[],
  { settings, signal, when }: {
    readonly settings: Settings;
    readonly signal: Deno.Signal;
    readonly when: () => boolean;
  },
): Promise<Ended> {
  const child = command(args, settings, ["-A"]).spawn();
  await waitUntil(() => Promise.resolve(when()), { child });
  child.kill(signal);
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Starts `serve` on a port that the system gives it and waits until it is ready. */
export async function startProgram(
  settings: Settings,
  { args = [], flags = ["-A"] }: { args?: readonly string[]; flags?: readonly string[] } = {},
): Promise<RunningProgram> {
  const all: Settings = { PORT: "0", HOST: "127.0.0.1", LOG_LEVEL: "info", ...settings };
  const child = command(["serve", ...args], all, flags).spawn();
  let address = "";
  let log = "";
  const reading = Promise.all([child.stdout, child.stderr].map(async (stream) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) log += text;
  }));

  async function stop(signal: Deno.Signal = "SIGTERM") {
    const startedAt = performance.now();
    child.kill(signal);
    const { code } = await child.status;
    await reading;
    return { code, ms: performance.now() - startedAt };
  }

  const ready = await waitUntil(async () => {
    // It tells where once it is there: a port that was chosen for it could be another's by then.
    const holder = await readHolder(`${all.DATA_DIR}/lock`);
    if (holder?.pid !== child.pid || holder.address === null) return false;
    address = holder.address;
    const response = await fetch(`${address}/health/ready`).catch(() => undefined);
    await response?.body?.cancel();
    return response?.ok === true;
  }, { child });
  if (!ready) {
    await stop("SIGKILL").catch(() => {});
    throw new Error(`The program did not become ready:\n${log}`);
  }
  const get = (path: string, init?: RequestInit) => fetch(`${address}${path}`, init);
  return {
    address,
    pid: child.pid,
    settings: all,
    log: () => log,
    get,
    async ask(path, init = {}) {
      const token = await Deno.readTextFile(`${all.DATA_DIR}/admin-token`);
      const headers = new Headers(init.headers);
      headers.set("authorization", `Bearer ${token.trim()}`);
      return await get(path, { ...init, headers });
    },
    stop,
  };
}

/** Asks again until it is true, the other process has ended or a minute has passed. */
export async function waitUntil(
  holds: () => Promise<boolean>,
  { child, timeoutMs = 60_000, everyMs = 50 }: {
    child?: Deno.ChildProcess;
    timeoutMs?: number;
    everyMs?: number;
  } = {},
): Promise<boolean> {
  let ended = false;
  child?.status.then(() => ended = true);
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline && !ended) {
    if (await holds()) return true;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  return false;
}

function command(
  args: readonly string[],
  settings: Settings,
  flags: readonly string[],
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", ...flags, MAIN, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...settings },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}
