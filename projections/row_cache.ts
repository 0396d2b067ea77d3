import type { ProjectedRow } from "./fold.ts";

/**
 * The rows a member touched last, right as long as nobody else moves its checkpoint; whoever loses
 * that race clears it. A fresh side starts `complete`: what is not here is nowhere.
 */
export interface RowCache {
  /** Keys that must be read from the table. */
  missing(keys: Iterable<string>): string[];
  get(key: string): ProjectedRow | undefined;
  /** `undefined` remembers that there is no such row. */
  set(key: string, row: ProjectedRow | undefined): void;
  clear(): void;
}

export function createRowCache(
  { maxRows, complete = false }: { maxRows: number; complete?: boolean },
): RowCache {
  const rows = new Map<string, ProjectedRow | undefined>();
  let knowsAll = complete;
  return {
    missing(keys) {
      if (knowsAll) return [];
      const missing: string[] = [];
      for (const key of keys) if (!rows.has(key)) missing.push(key);
      return missing;
    },
    get: (key) => rows.get(key),
    set(key, row) {
      rows.delete(key);
      rows.set(key, row);
      if (rows.size <= maxRows) return;
      knowsAll = false;
      for (const oldest of rows.keys()) {
        rows.delete(oldest);
        break;
      }
    },
    clear() {
      rows.clear();
      knowsAll = false;
    },
  };
}
