import { crc32 } from "node:zlib";
import { Unzip, type UnzipFile, UnzipInflate } from "fflate";
import { Refusal } from "@/domain/decider.ts";
import { readZipEntries } from "./zip_content.ts";

export interface UnpackedFile {
  readonly name: string;
  readonly path: string;
}

/**
 * Unpacks every csv file of an archive, in its order, a piece at a time. The files get names of our
 * own, so that no name inside an archive becomes a path. Each has to have the CRC-32 that the archive's
 * directory tells of it.
 */
export async function unpackZip(
  path: string,
  { directory, signal }: { readonly directory: string; readonly signal: AbortSignal },
): Promise<UnpackedFile[]> {
  const found: UnpackedFile[] = [];
  const inflated: { readonly path: string; readonly chunk: Uint8Array }[] = [];
  const unfinished = new Set<string>();
  const sums: number[] = [];
  let failed: Error | undefined;

  const unzip = new Unzip((entry: UnzipFile) => {
    if (!isCandles(entry.name)) return;
    const target = `${directory}/${String(found.length).padStart(6, "0")}.csv`;
    found.push({ name: entry.name, path: target });
    const at = sums.push(0) - 1;
    unfinished.add(entry.name);
    entry.ondata = (error, chunk, final) => {
      if (error !== null) failed ??= error;
      else {
        sums[at] = crc32(chunk, sums[at]);
        inflated.push({ path: target, chunk });
      }
      if (final) unfinished.delete(entry.name);
    };
    entry.start();
  });
  unzip.register(UnzipInflate);

  try {
    using file = await Deno.open(path);
    const buffer = new Uint8Array(256 * 1024);
    for (let read = await file.read(buffer); read !== null; read = await file.read(buffer)) {
      signal.throwIfAborted();
      unzip.push(buffer.slice(0, read));
      if (failed !== undefined) throw failed;
      await writeAll(inflated);
    }
    unzip.push(new Uint8Array(), true);
    await writeAll(inflated);
  } catch (error) {
    if (signal.aborted || !isDamage(error)) throw error;
    throw damaged(path, error);
  }
  const [cut] = unfinished;
  if (cut !== undefined) throw damaged(path, new Error(`${cut} ends too early`));
  const told = (await readZipEntries(path))?.filter(({ rawName }) => isCandles(rawName));
  const wrong = found.find((_, at) => told?.[at]?.crc32 !== sums[at]);
  if (wrong === undefined) return found;
  const why = told === undefined ? "its directory cannot be read" : `${wrong.name} is damaged`;
  throw damaged(path, new Error(`${why} (CRC-32); fetch it again, nothing was imported`));
}

function isCandles(name: string): boolean {
  return /\.csv$/i.test(name) && !name.includes("__MACOSX/");
}

async function writeAll(
  inflated: { readonly path: string; readonly chunk: Uint8Array }[],
): Promise<void> {
  for (const { path, chunk } of inflated.splice(0)) {
    await Deno.writeFile(path, chunk, { append: true });
  }
}

/** fflate's errors carry a numeric code; those of the file system do not. */
function isDamage(error: unknown): error is Error {
  return error instanceof Error && "code" in error && typeof error.code === "number";
}

function damaged(path: string, cause: Error): Refusal {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return new Refusal("validation_error", `Cannot unpack ${name}: ${cause.message}`);
}
