import { trusted } from "../trust.ts";
import type { Database } from "./database.ts";

/** Null for a subject whose personal data were erased. */
export type KeysBySubject = ReadonlyMap<string, CryptoKey | null>;

/** The keys of personal fields, one a subject (see `personal.ts`). */
export interface SubjectKeys {
  /** Makes the key of a subject that has none; never again one for an erased subject. */
  forWriting(subjects: readonly string[]): Promise<KeysBySubject>;
  forReading(subjects: readonly string[]): Promise<KeysBySubject>;
  /** Everything sealed for the subject reads as null from now on, and new fields are not kept. */
  erase(subject: string): Promise<void>;
  close(): Promise<void>;
}

const MAX_CACHED = 10_000;
/** How long another process may go on reading after an erasure, should its notification be lost. */
const CACHE_MS = 60_000;
const ERASED = "subject_erased";

/** Keys in the database, cached here; an erasure by another process empties the cache. */
export async function openSubjectKeys(
  database: Database,
  { now = Date.now }: { readonly now?: () => number } = {},
): Promise<SubjectKeys> {
  let cache = new Map<string, CryptoKey | null>();
  let madeAt = now();
  const forget = () => {
    cache = new Map();
    madeAt = now();
  };
  const unlisten = await database.listen(ERASED, forget, forget);

  async function load(subjects: readonly string[]): Promise<KeysBySubject> {
    if (now() - madeAt >= CACHE_MS || cache.size >= MAX_CACHED) forget();
    // What an erasure empties meanwhile must not be filled with keys read before it.
    const filled = cache;
    const missing = subjects.filter((subject) => !filled.has(subject));
    const found = new Map(subjects.flatMap((subject) => {
      const key = filled.get(subject);
      return key === undefined ? [] : [[subject, key]];
    }));
    if (missing.length === 0) return found;
    const rows = trusted<{ subject: string; key: Uint8Array<ArrayBuffer> | null }[]>(
      await database.query(
        "select subject, key from subject_key where subject = any($1::text[])",
        [missing],
      ),
    );
    for (const { subject, key } of rows) {
      const usable = key === null ? null : await importSubjectKey(key);
      filled.set(subject, usable);
      found.set(subject, usable);
    }
    return found;
  }

  return {
    forReading: load,
    async forWriting(subjects) {
      const found = await load(subjects);
      const missing = subjects.filter((subject) => !found.has(subject));
      if (missing.length === 0) return found;
      for (const subject of missing) {
        await database.query(
          "insert into subject_key (subject, key) values ($1, $2) on conflict do nothing",
          [subject, newSubjectKey()],
        );
      }
      return await load(subjects);
    },
    async erase(subject) {
      await database.transaction([
        {
          sql: `insert into subject_key (subject, key, erased_at) values ($1, null, now())
            on conflict (subject) do update set key = null,
              erased_at = coalesce(subject_key.erased_at, excluded.erased_at)`,
          params: [subject],
        },
        { sql: `select pg_notify('${ERASED}', '')` },
      ]);
      forget();
    },
    close: unlisten,
  };
}

/** 256 random bits. */
export function newSubjectKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(32));
}

export function importSubjectKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}
