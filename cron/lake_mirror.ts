import { lakeEntries, type LakeFile, lakeManifest } from "@/domain/klines/lake_manifest.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { LakeFolder } from "@/domain/ports/lake_folder.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { ArchiveEvent } from "@/events/catalog/archive.ts";
import type { Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import type { LakeFiles } from "@/projections/lake_files.ts";

export interface LakeMirrorDeps {
  readonly folder: LakeFolder;
  readonly files: Pick<LakeFiles, "list">;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps the readable lake in step with the period files that the read models name. */
export interface LakeMirror {
  /** What the read models have applied; undefined when another instance did. Returns at once. */
  changed(events: readonly Recorded[] | undefined): void;
  /** Compares the whole folder in the background. */
  start(): void;
  /** Resolves when the folder shows everything that it was told of. */
  settled(): Promise<void>;
  /** Shows what is still to be shown, but takes {@linkcode FLUSH_MS} at most. */
  stop(): Promise<void>;
}

/** Between two rounds: a crawl files period after period, and the manifest is written as a whole. */
const PAUSE_MS = 1_000;
/** A round may take this part of the time, whatever it costs. */
const PAUSE_ROUNDS = 10;
const RETRY_MS = 60_000;
const FLUSH_MS = 2_000;

/** Series ids, or all of them. */
type Dirty = ReadonlySet<string> | "all";

export function createLakeMirror({ folder, files, clock, log }: LakeMirrorDeps): LakeMirror {
  /** What lies in the folder, by series; complete after the first round. */
  const shown = new Map<string, readonly LakeFile[]>();
  const stopping = new AbortController();
  let compared = false;
  let pending: Dirty | undefined;
  let working: Promise<void> | undefined;
  let notBefore = 0;
  let deadline = Infinity;
  let manifest: string | undefined;

  function mark(dirty: Dirty): void {
    pending = pending === undefined ? dirty : both(pending, dirty);
    wake();
  }

  function wake(): void {
    working ??= work().finally(() => {
      working = undefined;
      // Marked in the moment in which the work ended.
      if (pending !== undefined && !stopping.signal.aborted) wake();
    });
  }

  async function work(): Promise<void> {
    while (pending !== undefined && clock.now() < deadline) {
      await clock.sleep(notBefore - clock.now(), stopping.signal).catch(() => {});
      const dirty = compared ? pending : "all";
      pending = undefined;
      const startedAt = clock.now();
      try {
        await show(dirty);
        notBefore = clock.now() + Math.max(PAUSE_MS, PAUSE_ROUNDS * (clock.now() - startedAt));
      } catch (error) {
        if (stopping.signal.aborted) return;
        log.warn("the readable lake is behind: it is tried again", { error });
        pending = both(pending ?? new Set(), dirty);
        notBefore = clock.now() + RETRY_MS;
      }
    }
  }

  /** Makes the folder show these series as the read models have them now. */
  async function show(dirty: Dirty): Promise<void> {
    // Listed before the rows are read: what another instance puts there meanwhile is not listed.
    const found = compared ? [] : await folder.list();
    const wanted = await files.list(dirty === "all" ? undefined : [...dirty]);
    // Of a series that had an event even what is known is put: a damaged blob may have been healed.
    const isGuess = compared && dirty === "all";
    const known = new Map(
      (isGuess ? all() : []).flatMap(lakeEntries).map(({ path, sha256 }) => [path, sha256]),
    );
    const present: LakeFile[] = [];
    for (const file of wanted) {
      if (clock.now() >= deadline) throw new DOMException("The mirror stops", "AbortError");
      const there: boolean[] = [];
      for (const entry of lakeEntries(file)) {
        there.push(known.get(entry.path) === entry.sha256 || await put(entry));
      }
      if (there[0] === true) present.push(file);
    }
    const names = new Set(wanted.flatMap(lakeEntries).map(({ path }) => path));
    const before = all().filter(({ seriesId }) => dirty === "all" || dirty.has(seriesId))
      .flatMap(lakeEntries).map(({ path }) => path);
    for (const path of new Set([...found, ...before])) {
      if (!names.has(path)) await folder.remove(path);
    }
    for (const id of dirty === "all" ? [...shown.keys()] : dirty) shown.delete(id);
    for (const [id, of] of Map.groupBy(present, ({ seriesId }) => seriesId)) shown.set(id, of);
    compared = true;
    await writeManifest();
  }

  /** False for a file that cannot be shown: the others must be. */
  async function put({ path, sha256 }: ReturnType<typeof lakeEntries>[number]): Promise<boolean> {
    try {
      await folder.put(path, sha256);
      return true;
    } catch (error) {
      // A full disk or a folder that is not ours hits every file.
      if (error instanceof AdapterError) throw error;
      log.error("a period file cannot be shown in the readable lake", {
        ...{ path, error },
      });
      return false;
    }
  }

  async function writeManifest(): Promise<void> {
    const text = lakeManifest(all());
    if (text === manifest) return;
    await folder.writeManifest(text);
    manifest = text;
  }

  function all(): LakeFile[] {
    return [...shown].toSorted(([a], [b]) => a < b ? -1 : 1).flatMap(([, of]) => of);
  }

  return {
    changed(events) {
      if (stopping.signal.aborted) return;
      const ids = events === undefined ? "all" : seriesOf(events);
      if (ids === "all" ? compared : ids.size > 0) mark(ids);
    },
    start: () => mark("all"),
    async settled() {
      while (working !== undefined) await working;
    },
    async stop() {
      deadline = clock.now() + FLUSH_MS;
      stopping.abort(new DOMException("The mirror stops", "AbortError"));
      await working;
    },
  };
}

function both(a: Dirty, b: Dirty): Dirty {
  return a === "all" || b === "all" ? "all" : a.union(b);
}

type Verified = Extract<ArchiveEvent, { type: "ArchiveFilesVerified" }>["data"];

const SHOWN = new Set(["KlinesArchived", "KlinesDeleted", "KlineBatchesCompacted"]);

/** Series of which these events change a period's file. */
function seriesOf(events: readonly Recorded[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { type, data } of events) {
    if (type === "ArchiveFilesVerified") {
      // A file that was made again under its own name has no other event.
      for (const { seriesId } of trusted<Verified>(data).whole) ids.add(seriesId);
    }
    if (SHOWN.has(type) && typeof data === "object" && data !== null && "seriesId" in data) {
      ids.add(String(data.seriesId));
    }
  }
  return ids;
}
