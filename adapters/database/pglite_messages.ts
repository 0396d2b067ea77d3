/** What travels between the main thread and PGlite's worker. One command after the other, in order. */
export type WorkerCommand =
  | { readonly type: "open"; readonly id: number; readonly options: WorkerOptions }
  | { readonly type: "run"; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "dump"; readonly id: number }
  | { readonly type: "count-fsyncs"; readonly id: number }
  | { readonly type: "close"; readonly id: number };

export interface WorkerOptions {
  /** `undefined`: in memory. */
  readonly dataDir: string | undefined;
  /** PostgreSQL's size, e.g. `16MB`. */
  readonly sharedBuffers: string | undefined;
  /** A tar that `dump` made, for a new database. */
  readonly template: Uint8Array<ArrayBuffer> | undefined;
  /** Compiled once in a process that opens several. */
  readonly engine: Engine | undefined;
}

export interface Engine {
  readonly postgres: WebAssembly.Module;
  readonly initdb: WebAssembly.Module;
  readonly files: Uint8Array<ArrayBuffer>;
}

export type WorkerReply =
  | { readonly type: "done"; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "counted"; readonly id: number; readonly count: number }
  | { readonly type: "failed"; readonly id: number; readonly message: string }
  /** The engine is broken: it must not be called again in this process. */
  | { readonly type: "fatal"; readonly message: string };
