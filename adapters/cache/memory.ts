import type { Cache, CacheStats } from "@/domain/ports/cache.ts";

/** Least recently used goes first; bounded in bytes. A value larger than an eighth of it is not kept. */
export function createMemoryCache<Value>(
  { maxBytes, sizeOf }: { maxBytes: number; sizeOf: (value: Value) => number },
): Cache<Value> {
  // A Map keeps insertion order: the first key is the least recently used one.
  const entries = new Map<string, { value: Value; sizeBytes: number }>();
  let [bytes, hits, misses] = [0, 0, 0];

  function drop(key: string): void {
    bytes -= entries.get(key)?.sizeBytes ?? 0;
    entries.delete(key);
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) {
        misses++;
        return undefined;
      }
      hits++;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value) {
      drop(key);
      const sizeBytes = sizeOf(value) + key.length * 2;
      if (sizeBytes > maxBytes / 8) return;
      entries.set(key, { value, sizeBytes });
      bytes += sizeBytes;
      for (const oldest of entries.keys()) {
        if (bytes <= maxBytes) break;
        drop(oldest);
      }
    },
    get stats(): CacheStats {
      return { hits, misses, entries: entries.size, bytes };
    },
  };
}
