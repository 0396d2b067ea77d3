import { isStillWritten, removeFolder } from "./remove_folder.ts";

/** A folder for the temporary files of one process. */
export interface TempFolder {
  readonly path: string;
  remove(): Promise<void>;
}

const LOCK = "lock";

/**
 * Makes a folder of its own in `parent` and removes those whose process is gone, however it ended:
 * the kernel frees the lock that each folder holds.
 */
export async function claimTempFolder(parent: string): Promise<TempFolder> {
  await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
  using _turn = await takeTurn(parent);
  for await (const { name, isDirectory } of Deno.readDir(parent)) {
    if (isDirectory) await removeLeft(`${parent}/${name}`);
  }
  const path = `${parent}/${crypto.randomUUID()}`;
  await Deno.mkdir(path, { mode: 0o700 });
  const lock = await Deno.open(`${path}/${LOCK}`, { createNew: true, write: true });
  await lock.lock(true);
  return {
    path,
    async remove() {
      using _turn = await takeTurn(parent);
      await removeFolder(path);
      lock.close();
    },
  };
}

/** Lends a folder for the time of some work. */
export async function withTempFolder<T>(
  parent: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const folder = await claimTempFolder(parent);
  try {
    return await work(folder.path);
  } finally {
    await folder.remove();
  }
}

/** One process at a time: a folder that has no lock yet must not look like one that was left. */
async function takeTurn(parent: string): Promise<Deno.FsFile> {
  const turn = await Deno.open(`${parent}/${LOCK}`, { create: true, write: true, mode: 0o600 });
  await turn.lock(true);
  return turn;
}

async function removeLeft(path: string): Promise<void> {
  try {
    if (!await isHeld(`${path}/${LOCK}`)) await removeFolder(path);
  } catch (error) {
    // What another user has left is not ours to remove, and no reason not to start.
    if (!(error instanceof Deno.errors.PermissionDenied) && !isStillWritten(error)) throw error;
  }
}

async function isHeld(lock: string): Promise<boolean> {
  try {
    using file = await Deno.open(lock, { write: true });
    return !await file.tryLock(true);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
