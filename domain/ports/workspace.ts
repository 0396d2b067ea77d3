/** A private folder for files that live for one piece of work, swept at start. */
export interface Workspace {
  /** A fresh path that nobody else uses; the file is not made. */
  path(extension: string): string;
  /** Does nothing when the file was never made, or has moved on. */
  remove(path: string): Promise<void>;
  /** The pieces one after the other. */
  write(content: string | readonly Uint8Array[]): Promise<WorkFile>;
}

export interface WorkFile {
  readonly path: string;
  /** Does nothing when the file has moved on. */
  remove(): Promise<void>;
}
