import { dirname } from "node:path";

/** The operator's token in this file, made at first use; only the owner may read it. */
export async function readOrMakeToken(path: string): Promise<string> {
  const token = await findToken(path);
  if (token !== undefined) return token;
  // Of instances that start at once the first makes it, the others wait here and read it.
  using turn = await Deno.open(path, { create: true, read: true, write: true, mode: 0o600 });
  await turn.lock(true);
  return await findToken(path) ?? await makeToken(path);
}

/** The token in this file; undefined where there is none. */
export async function findToken(path: string): Promise<string | undefined> {
  try {
    const token = (await Deno.readTextFile(path)).trim();
    return token === "" ? undefined : token;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Appears whole and stays, also when the power goes. */
async function makeToken(path: string): Promise<string> {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const token = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  const next = `${path}.next`;
  await Deno.remove(next).catch(() => {});
  await Deno.writeTextFile(next, `${token}\n`, { createNew: true, mode: 0o600 });
  using written = await Deno.open(next);
  await written.sync();
  await Deno.rename(next, path);
  using folder = await Deno.open(dirname(path));
  await folder.sync();
  return token;
}
