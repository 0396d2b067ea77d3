import { basename, dirname, resolve } from "node:path";

/** The absolute path without symbolic links, also of what does not exist yet. */
export async function resolvePath(path: string): Promise<string> {
  const absolute = resolve(path);
  try {
    return await Deno.realPath(absolute);
  } catch (error) {
    const parent = dirname(absolute);
    if (!(error instanceof Deno.errors.NotFound) || parent === absolute) throw error;
    return resolve(await resolvePath(parent), basename(absolute));
  }
}
