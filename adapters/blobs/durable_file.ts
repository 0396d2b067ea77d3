/** Writes a new file that survives a power cut; it must not exist. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { createNew: true, write: true });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.sync();
}

/** Moves a file whose bytes survive a power cut; false when it lies on another file system. */
export async function moveDurably(from: string, to: string): Promise<boolean> {
  using file = await Deno.open(from);
  await file.sync();
  // Young again, so that no sweep takes it for one that was left behind.
  const now = new Date();
  await Deno.utime(from, now, now);
  try {
    await Deno.rename(from, to);
    return true;
  } catch (error) {
    if (isCrossDevice(error)) return false;
    throw error;
  }
}

/** The same over file systems: copies, then removes. */
export async function copyDurably(from: string, to: string): Promise<boolean> {
  await Deno.copyFile(from, to);
  using file = await Deno.open(to);
  await file.sync();
  await Deno.remove(from);
  return true;
}

export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

function isCrossDevice(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EXDEV";
}
