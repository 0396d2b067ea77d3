/** Immutable bytes named by their SHA-256. Disk and memory stores pass one contract suite. */
export interface Blobs {
  /** Stores the bytes durably (or renews the time of a blob that exists, first) and names them. */
  put(bytes: Uint8Array): Promise<BlobRef>;
  /** The same for a file, which is moved or copied; the file itself is gone afterwards. */
  putFile(path: string): Promise<BlobRef>;
  /** Throws {@linkcode BlobMissing} or {@linkcode BlobCorrupt}: what is returned matches its name. */
  get(sha256: string): Promise<Uint8Array>;
  has(sha256: string): Promise<boolean>;
  /** When it was last put; undefined where it is not. */
  putAt(sha256: string): Promise<Date | undefined>;
  /** Bytes that it takes where it lies, which are not read; undefined where it is not. */
  sizeOf(sha256: string): Promise<number | undefined>;
  /**
   * A file for engines that need one, valid until released. Verified once, as it is good enough for who
   * only shows it; `anew` for what is kept of it: rot changes no times.
   */
  local(sha256: string, options?: LendOptions): Promise<LocalBlob>;
  /** Does nothing when the blob is already gone. */
  delete(sha256: string): Promise<void>;
  /**
   * Deletes a blob that was last put before then, and answers whether it did; one that is put in the
   * same moment stays.
   */
  deleteOld(sha256: string, putBefore: Date): Promise<boolean>;
  /** Every blob held, for the search of orphans. */
  list(): AsyncIterable<StoredBlob>;
}

export interface BlobRef {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface LendOptions {
  readonly anew?: boolean;
}

export interface LocalBlob {
  readonly path: string;
  release(): void;
}

export interface StoredBlob extends BlobRef {
  /** When it was last put. */
  readonly putAt: Date;
}

export class BlobMissing extends Error {
  override readonly name = "BlobMissing";
  constructor(readonly sha256: string) {
    super(`Cannot read blob ${sha256}: it is missing`);
  }
}

export class BlobCorrupt extends Error {
  override readonly name = "BlobCorrupt";
  constructor(readonly sha256: string, readonly actual: string) {
    super(`Cannot read blob ${sha256}: its bytes hash to ${actual}`);
  }
}
