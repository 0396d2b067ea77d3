/** The operator's token in this file, made at first use; only the owner may read it. */
export async function readOrMakeToken(path: string): Promise<string> {
  const token = await read(path);
  if (token !== "") return token;
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const made = bytes.toBase64({ alphabet: "base64url", omitPadding: true });
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(temporary, `${made}\n`, { createNew: true, mode: 0o600 });
  await Deno.rename(temporary, path);
  return made;
}

async function read(path: string): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
