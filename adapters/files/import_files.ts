import { claimTempFolder, type TempFolder } from "@/adapters/temp_folder.ts";
import { Refusal } from "@/domain/decider.ts";
import type { ImportFile, LocalFiles, OpenedImports } from "@/domain/ports/local_files.ts";
import { CHECKSUM_SUFFIX, requireChecksum } from "./checksum_file.ts";
import { openResultFile } from "./result_file.ts";
import { type FileKind, sniff } from "./sniff.ts";
import { unpackZip } from "./zip.ts";
import { openZipFolder } from "./zip_folder.ts";

/** Files of this machine; archives are unpacked into temporary folders in `tempDir`. */
export function openLocalFiles({ tempDir }: { readonly tempDir: string }): LocalFiles {
  return {
    openImports: (paths, signal) => openImports(paths, tempDir, signal),
    createResult: openResultFile,
    openZips: openZipFolder,
  };
}

async function openImports(
  names: readonly string[],
  tempDir: string,
  signal: AbortSignal,
): Promise<OpenedImports> {
  const files: ImportFile[] = [];
  const directories = new Set<string>();
  const unpacked: TempFolder[] = [];
  const close = async () => {
    for (const folder of unpacked.splice(0)) await folder.remove();
  };
  try {
    for (const name of await filesOf(names)) {
      signal.throwIfAborted();
      if (isChecksumOfOther(name, names)) continue;
      const path = await locate(name);
      await requireChecksum(name);
      const kind = await sniff(path);
      if (kind.kind === "zip") {
        const folder = await claimTempFolder(tempDir);
        unpacked.push(folder);
        const directory = folder.path;
        directories.add(directory);
        files.push(...await openArchive(name, { path, directory, signal }));
      } else {
        directories.add(path.slice(0, path.lastIndexOf("/")) || "/");
        files.push(await describe(name, path, kind));
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { files, directories: [...directories], close };
}

/** Names of files as they are, of folders all candle files in them, sorted. */
async function filesOf(names: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const name of names) {
    const stat = await Deno.stat(name).catch(() => undefined);
    if (stat?.isDirectory !== true) {
      files.push(name);
      continue;
    }
    const found = await Array.fromAsync(filesIn(name.replace(/(?<=.)\/+$/, "")));
    if (found.length === 0) throw unreadable(name, `there is no ${FOLDER_KINDS} in the folder`);
    files.push(...found.sort());
  }
  return files;
}

const FOLDER_KINDS = "csv, csv.gz, zip or parquet";
const FOLDER_FILE = /\.(csv|csv\.gz|zip|parquet)$/i;

/** Not what is hidden: it is not meant to be seen. */
async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (name.startsWith(".")) continue;
    const path = `${folder}/${name}`;
    if (isDirectory) yield* filesIn(path);
    else if (FOLDER_FILE.test(name)) yield path;
  }
}

/** `*` in a shell also finds the checksums beside the files. */
function isChecksumOfOther(name: string, names: readonly string[]): boolean {
  return name.endsWith(CHECKSUM_SUFFIX) && names.includes(name.slice(0, -CHECKSUM_SUFFIX.length));
}

/** The file's real path; refuses what cannot be read before any work is done. */
async function locate(name: string): Promise<string> {
  try {
    const path = await Deno.realPath(name);
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw unreadable(name, "it is not a file");
    if (size === 0) throw unreadable(name, "it is empty");
    return path.replaceAll("\\", "/");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw unreadable(name, "there is no such file");
    if (error instanceof Deno.errors.PermissionDenied) throw unreadable(name, "access is denied");
    throw error;
  }
}

/** The csv files of an archive, each sniffed like any other. */
async function openArchive(
  name: string,
  { path, directory, signal }: {
    readonly path: string;
    readonly directory: string;
    readonly signal: AbortSignal;
  },
): Promise<ImportFile[]> {
  const files: ImportFile[] = [];
  for (const entry of await unpackZip(path, { directory, signal })) {
    const inner = `${name}/${entry.name}`;
    files.push(await describe(inner, entry.path, await sniff(entry.path)));
  }
  if (files.length === 0) throw unreadable(name, "it holds no csv file");
  return files;
}

async function describe(name: string, path: string, kind: FileKind): Promise<ImportFile> {
  switch (kind.kind) {
    case "unknown":
      throw unreadable(name, `${kind.what}; csv, csv.gz, zip, parquet and freqtrade json are read`);
    case "zip":
      throw unreadable(name, "it is an archive within an archive");
    case "candles": {
      const { size } = await Deno.stat(path);
      return { name, path, format: kind.format, gzip: kind.gzip, sizeBytes: size };
    }
  }
}

function unreadable(name: string, why: string): Refusal {
  return new Refusal("validation_error", `Cannot read ${name}: ${why}`);
}
