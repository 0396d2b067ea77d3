/** A folder of zips, each of one text file and with a `.CHECKSUM` beside it. Failures are AdapterErrors. */
export interface ZipFolder {
  /** What a zip holds; undefined when it is missing, broken or not what its checksum says. */
  inspect(path: string): Promise<ZipContent | undefined>;
  /** A zip that appears under its name, with its checksum, only when it is finished. */
  create(path: string): Promise<ZipFile>;
}

export interface ZipContent {
  /** Of the text, unpacked. */
  readonly sizeBytes: number;
  readonly crc32: number;
}

export interface ZipFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Makes it appear; answers its size in bytes. The same text makes the same bytes. */
  finish(): Promise<number>;
  /** Leaves nothing behind; does nothing after `finish`. */
  discard(): Promise<void>;
}
