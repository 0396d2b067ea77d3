/**
 * A file or folder that takes seconds to make, made once for all test files of this process (each
 * has a module graph of its own). Two that make it at the same time make it twice; one stays.
 */
export async function madeOnce(
  name: string,
  make: (path: string) => Promise<void>,
): Promise<string> {
  const folder = `${await temporaryRoot()}/${PREFIX}${Deno.pid}`;
  const path = `${folder}/${name}`;
  if (await exists(path)) return path;
  await sweep();
  await Deno.mkdir(folder, { recursive: true });
  const own = `${path}.${crypto.randomUUID()}`;
  await make(own);
  try {
    await Deno.rename(own, path);
  } catch (error) {
    if (!await exists(path)) throw error;
    await Deno.remove(own, { recursive: true });
  }
  return path;
}

const PREFIX = "chandlery-tests-";
const STALE_MS = 3_600_000;

async function temporaryRoot(): Promise<string> {
  const probe = await Deno.makeTempDir();
  await Deno.remove(probe);
  return probe.slice(0, probe.lastIndexOf("/"));
}

/** What earlier processes have left. */
async function sweep(): Promise<void> {
  const root = await temporaryRoot();
  for await (const { name } of Deno.readDir(root)) {
    if (!name.startsWith(PREFIX) || name === `${PREFIX}${Deno.pid}`) continue;
    const { mtime } = await Deno.stat(`${root}/${name}`).catch(() => ({ mtime: null }));
    if (mtime !== null && mtime.getTime() < Date.now() - STALE_MS) {
      await Deno.remove(`${root}/${name}`, { recursive: true }).catch(() => {});
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
