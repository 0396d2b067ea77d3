import { sweepOld } from "../sweep_old.ts";
import { sha256OfFile } from "@/adapters/blobs/hashing.ts";
import { writeDurably } from "@/adapters/blobs/durable_file.ts";
import { relativePath } from "@/adapters/blobs/names.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { LakeFolder } from "@/domain/ports/lake_folder.ts";
import { BlobCorrupt, BlobMissing, type Blobs } from "@/events/blobs/blobs.ts";

export interface DiskLakeFolderOptions {
  /** Made with the first file. */
  readonly directory: string;
  readonly blobs: Pick<Blobs, "local">;
  /** Where the blobs lie. */
  readonly blobsDirectory: string;
  /** Makes a second name of a file; file systems that cannot do it throw, and get copies. */
  readonly link?: (from: string, to: string) => Promise<void>;
  /** Epoch ms, by the clock that the file system has. */
  readonly now?: () => number;
}

/** `<exchange>/<BASE-QUOTE>/<interval>/<period>.parquet`, and in a folder there `revisions/<period>.revisions.parquet`. */
const PERIOD_FILE = /^(\d{4}(-\d\d){0,2}|all)\.parquet$/;
const REVISIONS_FILE = /^(\d{4}(-\d\d){0,2}|all)\.revisions\.parquet$/;
const LEVELS = 3;
const STALE_MS = 3_600_000;
const WRITABLE = 0o222;

/**
 * Files are second names of the blobs (hard links), so they cost no space; copies where that cannot
 * be. They are read-only: whoever changed one would change the blob. What others lay beside them,
 * and what can be written to, is left alone.
 */
export function openDiskLakeFolder(options: DiskLakeFolderOptions): LakeFolder {
  const { directory, blobs, blobsDirectory, link = Deno.link, now = Date.now } = options;
  const temporaryDirectory = `${directory}/.tmp`;

  /** Fills a new file, then lets it take the name. */
  async function replace(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
    await Deno.mkdir(temporaryDirectory, { recursive: true });
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    const temporary = `${temporaryDirectory}/${Deno.pid}-${crypto.randomUUID()}`;
    try {
      await fill(temporary);
      await Deno.rename(temporary, path);
    } finally {
      // A rename between two names of one file does nothing, POSIX says.
      await Deno.remove(temporary).catch(ignoreMissing);
    }
  }

  async function put(path: string, sha256: string): Promise<"kept" | "linked" | "copied"> {
    const target = `${directory}/${path}`;
    if (await isSameFile(target, `${blobsDirectory}/${relativePath(sha256)}`)) return "kept";
    const blob = await blobs.local(sha256);
    try {
      try {
        await replace(target, (temporary) => link(blob.path, temporary));
        return "linked";
      } catch {
        // Another file system, or one without links: if it is something else the copy fails as well.
      }
      if (await isCopy(target, sha256)) return "kept";
      await replace(target, (temporary) => copyReadOnly(blob.path, temporary));
      return "copied";
    } finally {
      blob.release();
    }
  }

  return {
    list: () =>
      told("list", async () => {
        await sweepOld(temporaryDirectory, { before: now() - STALE_MS, touchedAt: linkedAt });
        return await Array.fromAsync(periodFiles(directory, "", 0));
      }),
    put: (path, sha256) => told("put", () => put(path, sha256)),
    copyOut: (path, sha256, to) =>
      told("copy", async () => {
        const source = `${directory}/${path}`;
        // A second name of a blob that rotted is rotten, too.
        if (!await isCopy(source, sha256)) return false;
        await Deno.copyFile(source, to);
        return await isCopy(to, sha256);
      }),
    remove: (path) =>
      told("remove", async () => {
        await Deno.remove(`${directory}/${path}`).catch(ignoreMissing);
        await removeEmptyFolders(directory, path);
      }),
    writeManifest: (text) =>
      told("write", () =>
        replace(`${directory}/manifest.json`, async (temporary) => {
          await writeDurably(temporary, new TextEncoder().encode(text));
          await Deno.chmod(temporary, 0o444);
        })),
  };
}

async function* periodFiles(
  directory: string,
  path: string,
  level: number,
): AsyncGenerator<string> {
  for await (const { name, isFile, isDirectory } of entriesOf(`${directory}/${path}`)) {
    const enters = level < LEVELS
      ? !name.startsWith(".")
      : level === LEVELS && name === "revisions";
    if (isDirectory && enters) {
      yield* periodFiles(directory, `${path}${name}/`, level + 1);
    }
    const isOurs = level === LEVELS ? PERIOD_FILE : level > LEVELS ? REVISIONS_FILE : undefined;
    if (!isFile || isOurs?.test(name) !== true) continue;
    const mode = (await statOf(`${directory}/${path}${name}`))?.mode ?? WRITABLE;
    if ((mode & WRITABLE) === 0) yield `${path}${name}`;
  }
}

async function* entriesOf(directory: string): AsyncGenerator<Deno.DirEntry> {
  try {
    yield* Deno.readDir(directory);
  } catch (error) {
    ignoreMissing(error);
  }
}

/** A link has the time of its blob; when it got its name is in ctime. */
function linkedAt({ mtime, ctime }: Deno.FileInfo): number {
  return Math.max(mtime?.getTime() ?? 0, ctime?.getTime() ?? 0);
}

async function removeEmptyFolders(directory: string, path: string): Promise<void> {
  for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
    try {
      await Deno.remove(`${directory}/${path.slice(0, slash)}`);
    } catch {
      return;
    }
  }
}

async function isSameFile(a: string, b: string): Promise<boolean> {
  const [left, right] = [await statOf(a), await statOf(b)];
  return left !== undefined && right !== undefined && left.ino !== null &&
    left.ino === right.ino && left.dev === right.dev;
}

async function isCopy(path: string, sha256: string): Promise<boolean> {
  if (await statOf(path) === undefined) return false;
  return (await sha256OfFile(path)).sha256 === sha256;
}

async function copyReadOnly(from: string, to: string): Promise<void> {
  await Deno.copyFile(from, to);
  await Deno.chmod(to, 0o644);
  using file = await Deno.open(to, { read: true, write: true });
  await file.sync();
  await Deno.chmod(to, 0o444);
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    return ignoreMissing(error);
  }
}

function ignoreMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

async function told<T>(op: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const known = cause instanceof BlobMissing || cause instanceof BlobCorrupt;
    if (known || cause instanceof AdapterError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AdapterError(`Cannot ${op} a file of the lake folder: ${reason}`, {
      ...{ port: "lake folder", op, retryable: true, cause },
    });
  }
}
