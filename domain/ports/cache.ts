/** Bounded memory for answers. Losing an entry costs time, never data. */
export interface Cache {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
  clear(): void;
  readonly stats: { readonly hits: number; readonly misses: number; readonly bytes: number };
}
