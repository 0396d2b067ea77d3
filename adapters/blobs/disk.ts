import { sweepOld } from "../sweep_old.ts";
import {
  BlobCorrupt,
  BlobMissing,
  type BlobRef,
  type Blobs,
  type LendOptions,
  type LocalBlob,
  type StoredBlob,
} from "@/events/blobs/blobs.ts";
import { blobError } from "./disk_error.ts";
import { copyDurably, moveDurably, syncDirectory, writeDurably } from "./durable_file.ts";
import { sha256Of, sha256OfFile } from "./hashing.ts";
import { isSha256, relativePath } from "./names.ts";

export interface DiskBlobsOptions {
  /** Made when missing. Holds `ab/cd/<sha256>` and `tmp/`. */
  readonly directory: string;
  /** Unfinished files of this age are removed when opened; an hour by default. */
  readonly sweepAfterMs?: number | undefined;
}

/** Blobs as read-only files, durable before a put returns. Several processes may share the directory. */
export async function openDiskBlobs(options: DiskBlobsOptions): Promise<Blobs> {
  const { directory, sweepAfterMs = 3_600_000 } = options;
  await guarded("open", async () => {
    await Deno.mkdir(`${directory}/tmp`, { recursive: true });
    await sweep(directory, sweepAfterMs);
  });
  return new DiskBlobs(directory);
}

/** Begins the name of a blob that is about to be deleted. */
const ASIDE = "deleting-";

class DiskBlobs implements Blobs {
  readonly #directory: string;
  /** Which file a verified blob was when it was verified. */
  readonly #verified = new Map<string, string>();
  constructor(directory: string) {
    this.#directory = directory;
  }

  async put(bytes: Uint8Array): Promise<BlobRef> {
    const ref = { sha256: sha256Of(bytes), sizeBytes: bytes.length };
    return await guarded("put", async () => {
      if (await this.#renewed(ref)) return ref;
      const temporary = this.#temporaryPath();
      await writeDurably(temporary, bytes);
      return await this.#publish(temporary, ref);
    });
  }

  async putFile(path: string): Promise<BlobRef> {
    return await guarded("putFile", async () => {
      const temporary = this.#temporaryPath();
      // Out of the caller's reach first: what is hashed is what is kept.
      await moveDurably(path, temporary) || await copyDurably(path, temporary);
      const ref = await sha256OfFile(temporary);
      if (await this.#renewed(ref)) await Deno.remove(temporary);
      else await this.#publish(temporary, ref);
      return ref;
    });
  }

  async get(sha256: string): Promise<Uint8Array> {
    const path = this.#path(sha256);
    const bytes = await guarded("get", () => existing(sha256, () => Deno.readFile(path)));
    const actual = sha256Of(bytes);
    if (actual === sha256) return bytes;
    // Rot leaves a file's times as they are: what was verified before counts no more.
    this.#verified.delete(sha256);
    throw new BlobCorrupt(sha256, actual);
  }

  async has(sha256: string): Promise<boolean> {
    const path = this.#path(sha256);
    return await guarded("has", async () => await statOf(path) !== undefined);
  }

  async putAt(sha256: string): Promise<Date | undefined> {
    const path = this.#path(sha256);
    const stat = await guarded("putAt", () => statOf(path));
    return stat && (stat.mtime ?? new Date(0));
  }

  async sizeOf(sha256: string): Promise<number | undefined> {
    const path = this.#path(sha256);
    return (await guarded("sizeOf", () => statOf(path)))?.size;
  }

  async local(sha256: string, { anew = false }: LendOptions = {}): Promise<LocalBlob> {
    const path = this.#path(sha256);
    if (anew) this.#verified.delete(sha256);
    await guarded("local", async () => {
      const stat = await existing(sha256, () => Deno.stat(path));
      const actual = await this.#actual(sha256, path, stat);
      if (actual !== sha256) throw new BlobCorrupt(sha256, actual);
    });
    return { path, release() {} };
  }

  async delete(sha256: string): Promise<void> {
    const path = this.#path(sha256);
    this.#verified.delete(sha256);
    await guarded("delete", () => ignoreMissing(Deno.remove(path)));
  }

  async deleteOld(sha256: string, putBefore: Date): Promise<boolean> {
    const path = this.#path(sha256);
    const aside = `${this.#directory}/tmp/${ASIDE}${sha256}`;
    return await guarded("deleteOld", async () => {
      if (!isOlder(await statOf(path), putBefore)) return false;
      if (await ignoreMissing(Deno.rename(path, aside)) === "missing") return false;
      // Who puts it from here on finds nothing and writes it anew; who did before has renewed its time.
      if (!isOlder(await statOf(aside), putBefore)) {
        await ignoreMissing(Deno.rename(aside, path));
        return false;
      }
      this.#verified.delete(sha256);
      await ignoreMissing(Deno.remove(aside));
      return true;
    });
  }

  async *list(): AsyncGenerator<StoredBlob> {
    for await (const folder of folders(this.#directory)) {
      for await (const { name: sha256, isFile } of Deno.readDir(folder)) {
        if (!isFile || !isSha256(sha256)) continue;
        const stat = await statOf(`${folder}/${sha256}`);
        if (stat === undefined) continue;
        yield { sha256, sizeBytes: stat.size, putAt: stat.mtime ?? new Date(0) };
      }
    }
  }

  #path(sha256: string): string {
    return `${this.#directory}/${relativePath(sha256)}`;
  }

  #temporaryPath(): string {
    return `${this.#directory}/tmp/${Deno.pid}-${crypto.randomUUID()}`;
  }

  /** Renews the time first, so that no search for orphans takes the blob between the two steps. */
  async #renewed({ sha256, sizeBytes }: BlobRef): Promise<boolean> {
    const path = this.#path(sha256);
    const now = new Date();
    if (await ignoreMissing(Deno.utime(path, now, now)) === "missing") return false;
    // A broken one is written again: the bytes at hand heal it.
    const stat = await statOf(path);
    if (stat === undefined || stat.size !== sizeBytes) return false;
    try {
      return await this.#actual(sha256, path, stat) === sha256;
    } catch (error) {
      // It was just put aside to be deleted.
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** The name its bytes ask for; read once for each file that the blob is. */
  async #actual(sha256: string, path: string, stat: Deno.FileInfo): Promise<string> {
    const identity = identityOf(stat);
    if (this.#verified.get(sha256) === identity) return sha256;
    const { sha256: actual } = await sha256OfFile(path);
    if (actual === sha256) this.#verified.set(sha256, identity);
    return actual;
  }

  async #publish(temporary: string, ref: BlobRef): Promise<BlobRef> {
    const path = this.#path(ref.sha256);
    const folder = path.slice(0, path.lastIndexOf("/"));
    const above = folder.slice(0, folder.lastIndexOf("/"));
    await Deno.mkdir(folder, { recursive: true });
    await Deno.chmod(temporary, 0o444);
    await Deno.rename(temporary, path);
    // The entry, and the folders when they are new, survive a power cut.
    for (const directory of [folder, above, this.#directory]) await syncDirectory(directory);
    return ref;
  }
}

async function* folders(directory: string): AsyncGenerator<string> {
  for await (const { name: outer, isDirectory } of Deno.readDir(directory)) {
    if (!isDirectory || !/^[0-9a-f]{2}$/.test(outer)) continue;
    for await (const inner of Deno.readDir(`${directory}/${outer}`)) {
      if (inner.isDirectory) yield `${directory}/${outer}/${inner.name}`;
    }
  }
}

function isOlder(stat: Deno.FileInfo | undefined, than: Date): boolean {
  return stat !== undefined && stat.mtime !== null && stat.mtime < than;
}

async function sweep(directory: string, olderThanMs: number): Promise<void> {
  for await (const { name } of Deno.readDir(`${directory}/tmp`)) {
    // Cut off halfway: it may have been put again, so it goes back.
    const sha256 = name.startsWith(ASIDE) ? name.slice(ASIDE.length) : "";
    if (isSha256(sha256)) {
      await ignoreMissing(
        Deno.rename(`${directory}/tmp/${name}`, `${directory}/${relativePath(sha256)}`),
      );
    }
  }
  await sweepOld(`${directory}/tmp`, { before: Date.now() - olderThanMs });
}

function identityOf({ mtime, size, ino }: Deno.FileInfo): string {
  return `${mtime?.getTime()}/${size}/${ino}`;
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function existing<T>(sha256: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new BlobMissing(sha256);
    throw error;
  }
}

async function ignoreMissing(work: Promise<void>): Promise<"done" | "missing"> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "missing";
    throw error;
  }
}

async function guarded<T>(op: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BlobMissing || error instanceof BlobCorrupt) throw error;
    throw blobError(op, error);
  }
}
