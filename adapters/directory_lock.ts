import { z } from "zod";

const holder = z.object({
  pid: z.int(),
  /** Where its API answers; null while it starts, or for a command. */
  address: z.string().nullable(),
  tokenFile: z.string().nullable(),
  startedAt: z.string(),
});

/** Who works on a data directory, as the lock file says. */
export type LockHolder = z.infer<typeof holder>;

export interface DirectoryLock {
  readonly held: true;
  update(changes: Partial<Pick<LockHolder, "address" | "tokenFile">>): Promise<void>;
  release(): Promise<void>;
}

/** Somebody else has it; `holder` is undefined in the moment between its lock and its first line. */
export interface HeldByOther {
  readonly held: false;
  readonly holder: LockHolder | undefined;
}

/**
 * Locks the file beside a data directory. The kernel frees the lock when its process ends, however
 * it ends, so a lock is never stolen and never stale.
 */
export async function lockDirectory(
  path: string,
  info: Omit<LockHolder, "startedAt">,
): Promise<DirectoryLock | HeldByOther> {
  const file = await Deno.open(path, { create: true, read: true, write: true, mode: 0o600 });
  if (!await file.tryLock(true)) {
    file.close();
    return { held: false, holder: await readHolder(path) };
  }
  let current: LockHolder = { ...info, startedAt: new Date().toISOString() };
  await write(file, current);
  return {
    held: true,
    async update(changes) {
      current = { ...current, ...changes };
      await write(file, current);
    },
    async release() {
      await file.truncate(0);
      await file.unlock();
      file.close();
    },
  };
}

/** The holder's own words; undefined where there are none or they make no sense. */
export async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    return holder.safeParse(JSON.parse(await Deno.readTextFile(path))).data;
  } catch {
    return undefined;
  }
}

async function write(file: Deno.FsFile, info: LockHolder): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(info)}\n`);
  await file.seek(0, Deno.SeekMode.Start);
  await file.write(bytes);
  await file.truncate(bytes.length);
}
