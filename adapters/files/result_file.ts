import { Refusal } from "@/domain/decider.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { ResultFile, ResultOptions } from "@/domain/ports/local_files.ts";

/**
 * Writes beside the target and renames at the end, so that a reader sees the old file or the whole
 * new one, also after a crash.
 */
export async function openResultFile(path: string, options: ResultOptions): Promise<ResultFile> {
  const slash = path.lastIndexOf("/");
  const [folder, name] = [slash === -1 ? "." : path.slice(0, slash) || "/", path.slice(slash + 1)];
  await requireFolder(path, folder, name);
  await requireFree(path, options);
  const work = await Deno.makeTempDir({ dir: folder, prefix: `.${name}.` });
  const whole = `${work}/whole`;
  const file = await Deno.open(whole, { create: true, write: true });
  const parts: string[] = [];
  let open = true;

  function close(): void {
    if (open) file.close();
    open = false;
  }

  return {
    write: (bytes) => told(path, () => writeAll(file, bytes)),
    async addPart(bytes) {
      const part = `${work}/${String(parts.length).padStart(6, "0")}.part`;
      parts.push(part);
      await told(path, () => Deno.writeFile(part, bytes));
    },
    async joinParts(join) {
      const [only] = parts;
      close();
      await Deno.remove(whole);
      if (only !== undefined && parts.length === 1) await Deno.rename(only, whole);
      else await join(parts, whole);
    },
    async finish() {
      await requireFree(path, options);
      return await told(path, async () => {
        close();
        using finished = await Deno.open(whole, { read: true, write: true });
        await finished.sync();
        const { size } = await finished.stat();
        await Deno.rename(whole, path);
        return size;
      });
    },
    async discard() {
      close();
      await Deno.remove(work, { recursive: true });
    },
  };
}

/** Refuses a target that could not be written, before hours of work go into it. */
async function requireFolder(path: string, folder: string, name: string): Promise<void> {
  if (name === "") throw new Refusal("validation_error", `Cannot write ${path}: it names no file`);
  const info = await Deno.stat(folder).catch(() => undefined);
  if (info?.isDirectory !== true) {
    throw new Refusal("validation_error", `Cannot write ${path}: there is no folder ${folder}`);
  }
  const target = await Deno.stat(path).catch(() => undefined);
  if (target?.isDirectory === true) {
    throw new Refusal("validation_error", `Cannot write ${path}: it is a folder`);
  }
}

async function requireFree(path: string, { replace }: ResultOptions): Promise<void> {
  if (replace || await Deno.lstat(path).catch(() => undefined) === undefined) return;
  throw new Refusal("conflict", `Cannot write ${path}: there is such a file; --force replaces it`);
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await file.write(rest));
}

/** Says which file could not be written, and why. */
export async function told<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const full = cause instanceof Error && /ENOSPC|os error 28/.test(cause.message);
    const why = full ? "the disk is full" : cause instanceof Error ? cause.message : String(cause);
    throw new AdapterError(`Cannot write ${path}: ${why}`, {
      port: "files",
      op: "write",
      retryable: full,
      cause,
    });
  }
}
