import { Refusal } from "@/domain/decider.ts";
import { type DirectoryLock, type HeldByOther, lockDirectory } from "./directory_lock.ts";

/** A data directory, and what this process may do with it. */
export interface DataDir {
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly lock: DirectoryLock | HeldByOther;
}

/** Makes the directory where it is missing, private to its owner, and locks it if nobody else has. */
export async function claimDataDir(given: string): Promise<DataDir> {
  await Deno.mkdir(given, { recursive: true, mode: 0o700 });
  const path = await Deno.realPath(given);
  const info = { pid: Deno.pid, address: null, tokenFile: null };
  return { path, lock: await lockDirectory(`${path}/lock`, info) };
}

/** The same where an installation is or starts; else a Refusal `not_found`, and nothing is made. */
export async function findDataDir(given: string): Promise<DataDir> {
  const none = new Refusal(
    "not_found",
    `Cannot open ${given}: there is no installation in that folder; look at DATA_DIR`,
  );
  const marks = ["blobs", "db/PG_VERSION"].map((name) => exists(`${given}/${name}`));
  const made = (await Promise.all(marks)).includes(true);
  if (!made && !await exists(`${given}/lock`)) throw none;
  const claimed = await claimDataDir(given);
  if (made || !claimed.lock.held) return claimed;
  await claimed.lock.release();
  throw none;
}

/** Refusal `conflict` that says who works on the directory. */
export function refuseHeld(path: string, { holder }: HeldByOther): Refusal {
  const { address = null, pid = "unknown" } = holder ?? {};
  const where = address === null ? "; wait until it has ended" : ` and serves on ${address}`;
  return new Refusal("conflict", `Cannot open ${path}: process ${pid} works on it${where}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (missing) return false;
    throw error;
  }
}
