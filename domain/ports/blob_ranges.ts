/** Reads parts of large blobs in bounded memory. */
export interface BlobRanges {
  /**
   * Bytes from `from` to `to` (exclusive) of a blob that is verified before its first byte is
   * given. Throws BlobMissing or BlobCorrupt. Read the stream to its end or cancel it.
   */
  open(sha256: string, from: number, to: number): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
}
