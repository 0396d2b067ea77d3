/**
 * The folder in which period files lie under readable names, for tools that know nothing of us.
 * Everything in it can be made again from the blobs. Failures are AdapterErrors.
 */
export interface LakeFolder {
  /** Paths below the folder of the period files that were put there, with `/`. */
  list(): Promise<readonly string[]>;
  /**
   * Makes the blob appear under the path, at once and whole, and replaces what was there. Throws
   * BlobMissing or BlobCorrupt and then changes nothing.
   */
  put(path: string, sha256: string): Promise<"kept" | "linked" | "copied">;
  /**
   * Copies the file under the path to another one that is not there yet, where its bytes are those of
   * the blob; false where they are not, or there is no such file.
   */
  copyOut(path: string, sha256: string, to: string): Promise<boolean>;
  /** Also removes folders that become empty; does nothing when the file is gone. */
  remove(path: string): Promise<void>;
  /** Replaces `manifest.json`, at once and whole. */
  writeManifest(text: string): Promise<void>;
}
