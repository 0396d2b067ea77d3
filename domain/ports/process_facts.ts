/** What a process takes; sizes in bytes. */
export interface ProcessFacts {
  /** Epoch ms. */
  readonly startedAt: number;
  /** Version of Deno. */
  readonly runtime: string;
  /** Memory that it holds. */
  readonly rss: number;
  /** Of the main thread. */
  readonly heapTotal: number;
  readonly heapUsed: number;
  /** Buffers outside of the heap. */
  readonly external: number;
}
