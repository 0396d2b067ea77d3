/** PGlite 0.5 is PostgreSQL 18. */
const MAJOR = "18";

/** The data directory was made by another PostgreSQL. */
export class OtherPostgresVersion extends Error {
  override readonly name = "OtherPostgresVersion";
  constructor(readonly folder: string, readonly found: string) {
    super(
      `Cannot open ${folder}: it holds a database of PostgreSQL ${found}, this program embeds ` +
        `${MAJOR}. Start the version that made it and move it with a backup`,
    );
  }
}

/** Makes the folder's parent private: PGlite creates its files readable by everybody. */
export async function claimFolder(folder: string): Promise<void> {
  const parent = folder.replace(/\/+[^/]+\/*$/, "");
  if (parent === "" || parent === folder) return;
  await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
  await Deno.chmod(parent, 0o700);
}

/** Throws {@linkcode OtherPostgresVersion}; a folder that is not there yet is fine. */
export async function assertReadable(folder: string): Promise<void> {
  let found: string;
  try {
    found = (await Deno.readTextFile(`${folder}/PG_VERSION`)).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (found !== MAJOR) throw new OtherPostgresVersion(folder, found);
}
