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

/** Refusal `conflict` that says who works on the directory. */
export function refuseHeld(path: string, { holder }: HeldByOther): Refusal {
  const { address = null, pid = "unknown" } = holder ?? {};
  const where = address === null ? "; wait until it has ended" : ` and serves on ${address}`;
  return new Refusal("conflict", `Cannot open ${path}: process ${pid} works on it${where}`);
}
