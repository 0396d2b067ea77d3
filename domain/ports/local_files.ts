import type { FileFormat } from "./lake.ts";
import type { ZipFolder } from "./zip_folder.ts";

/** Files that a person names on the command line. */
export interface LocalFiles {
  /**
   * Finds out what each file holds, by its content, and unpacks archives. Refusal `validation_error`
   * names the file that is missing, of a kind that cannot be read, or not what the `.CHECKSUM`
   * beside it says.
   */
  openImports(paths: readonly string[], signal: AbortSignal): Promise<OpenedImports>;
  /** A file that appears under its name only when it is finished. Refuses one that is there, unless replaced. */
  createResult(path: string, options: ResultOptions): Promise<ResultFile>;
  openZips(directory: string): ZipFolder;
}

export interface ResultOptions {
  /** Whether a file of that name may go. */
  readonly replace: boolean;
}

export interface OpenedImports {
  readonly files: readonly ImportFile[];
  /** Directories that hold them, for engines that must be told. */
  readonly directories: readonly string[];
  /** Removes what was unpacked. */
  close(): Promise<void>;
}

export interface ImportFile {
  /** For people: the path as given, with the name inside an archive. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly format: FileFormat;
  readonly gzip: boolean;
  readonly sizeBytes: number;
}

export interface ResultFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Puts a part aside that cannot simply be appended. */
  addPart(bytes: Uint8Array): Promise<void>;
  /** Makes the file of its parts, in order: `join` writes the whole to `target`. */
  joinParts(join: JoinParts): Promise<void>;
  /** Makes it appear; answers its size in bytes. */
  finish(): Promise<number>;
  /** Leaves nothing behind; does nothing after `finish`. */
  discard(): Promise<void>;
}

export type JoinParts = (paths: readonly string[], target: string) => Promise<void>;
