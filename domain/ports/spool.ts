/** Keeps a large request body in a private file while it is worked on. */
export interface Spool {
  /**
   * Writes the body as it streams, unpacked, in bounded memory. Refusal `payload_too_large` beyond a
   * limit, `validation_error` when it cannot be unpacked; nothing is left behind then.
   */
  write(body: ReadableStream<Uint8Array>, options: SpoolOptions): Promise<SpooledFile>;
}

export interface SpoolOptions {
  /** Without a dot. */
  readonly extension: string;
  readonly gzip: boolean;
  readonly maxSentBytes: number;
  readonly maxUnpackedBytes: number;
  readonly signal?: AbortSignal | undefined;
}

export interface SpooledFile {
  readonly path: string;
  /** Unpacked. */
  readonly sizeBytes: number;
  /** It holds nothing, or nothing but white space. */
  readonly blank: boolean;
  /** Of the bytes as they were sent, in hex. */
  readonly sha256: string;
  /** Does nothing when it is gone. */
  remove(): Promise<void>;
}
