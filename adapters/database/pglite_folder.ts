import type { Log } from "@/domain/ports/log.ts";

/** PGlite 0.5 is PostgreSQL 18. */
const MAJOR = "18";

/** Written once the directory is whole: a process may be killed while it makes one. */
export const WHOLE = "chandlery-whole";

/** The first number that PostgreSQL gives to a table which is not its own (FirstNormalObjectId). */
const FIRST_OWN_TABLE = 16_384;

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

/** There was a database, of which a part is gone. */
export class BrokenDatabase extends Error {
  override readonly name = "BrokenDatabase";
  constructor(readonly folder: string) {
    super(
      `Cannot open ${folder}: it holds tables, but its PG_VERSION is missing. Restore the whole ` +
        `folder from a backup`,
    );
  }
}

/** It holds no database, and what it holds cannot be moved: a disk of its own is mounted there. */
export class UnusableFolder extends Error {
  override readonly name = "UnusableFolder";
  constructor(readonly folder: string, cause: unknown) {
    super(
      `Cannot make a database in ${folder}: it holds something else that cannot be set aside. ` +
        `Empty it, or mount the disk at the folder above it`,
      { cause },
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

/**
 * Sees to it that the folder holds a database of ours, or nothing. One that a killed process had only
 * begun to make holds nothing yet: it goes out of the way, and the log says so. Throws
 * {@linkcode OtherPostgresVersion}, {@linkcode BrokenDatabase} and {@linkcode UnusableFolder}.
 */
export async function prepareFolder(folder: string, log: Log | undefined): Promise<void> {
  const names = await namesIn(folder);
  if (names.length === 0) return;
  const isOurs = names.includes(WHOLE) || await holdsTables(folder);
  if (names.includes("PG_VERSION")) {
    const found = (await Deno.readTextFile(`${folder}/PG_VERSION`)).trim();
    if (found !== MAJOR && found !== "") throw new OtherPostgresVersion(folder, found);
    if (isOurs && found === MAJOR) return;
  }
  if (isOurs) throw new BrokenDatabase(folder);
  const aside = `${folder}.incomplete-${Date.now()}`;
  await Deno.rename(folder, aside).catch((error: unknown) => {
    throw new UnusableFolder(folder, error);
  });
  log?.warn("a database that was only begun was set aside; it held nothing", { folder: aside });
}

/** Also where whoever copied the folder has left the mark of its being whole behind. */
async function holdsTables(folder: string): Promise<boolean> {
  for (const database of await namesIn(`${folder}/base`)) {
    const files = await namesIn(`${folder}/base/${database}`);
    if (files.some((name) => parseInt(name, 10) >= FIRST_OWN_TABLE)) return true;
  }
  return false;
}

/** None of what is no folder, or not there. */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}
