import type { Catalog, Recorded } from "../define.ts";
import { personalFields } from "../personal.ts";
import { upcasters as houseUpcasters } from "../upcasters/upcasters.ts";
import { createBatcher } from "./batcher.ts";
import { type Database, DatabaseError } from "./database.ts";
import { createListeners } from "./listeners.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { readSecret } from "./secrets.ts";
import { appendGroup, type GroupOutcome } from "./sql_append.ts";
import { createLogReader } from "./sql_read.ts";
import { type Appended, type ErasableEventStore, VersionConflict } from "./store.ts";
import { openSubjectKeys } from "./subject_keys.ts";
import type { Upcasters } from "./upcast.ts";

export interface SqlStoreOptions {
  readonly database: Database;
  readonly catalog: Catalog;
  /** Those of the house unless told otherwise. */
  readonly upcasters?: Upcasters;
  /** Waits before another try when the database could not be reached. */
  readonly wait?: (ms: number) => Promise<void>;
}

export interface SqlEventStore extends ErasableEventStore {
  /** Every sha256 that any event names, in no order, with repeats. */
  blobReferences(): AsyncIterable<string>;
}

const RETRY_WAITS_MS = [50, 200, 800];

/** The log on PGlite or PostgreSQL; `migrate` has run. */
export async function createSqlStore(
  { database, catalog, upcasters = houseUpcasters, wait = sleep }: SqlStoreOptions,
): Promise<SqlEventStore> {
  // Marks that cannot be honoured are found now, not at the first append.
  Object.values(catalog).forEach(personalFields);
  const listeners = createListeners();
  const sender = crypto.randomUUID();
  const unlisten = await database.listen("event", (payload) => {
    if (!payload.endsWith(sender)) listeners.tell([]);
  }, () => listeners.tell([]));
  const keys = await openSubjectKeys(database);
  const { blobReferences, findCommand, ...reads } = createLogReader({ database, upcasters, keys });

  const batcher = createBatcher<Prepared, Appended>({
    keys: ({ writes, meta }) => [meta.commandId, ...writes.map(({ stream }) => `/${stream}`)],
    sizeBytes: ({ sizeBytes }) => sizeBytes,
    mayBePoison: (error) => !(error instanceof DatabaseError && error.retryable),
    async write(group) {
      const outcomes = await retried(() => appendGroup({ database, sender }, group))
        .catch(whatIsUnknown);
      announce(outcomes);
      return await Promise.all(outcomes.map((outcome, i) => answer(outcome, group[i])));
    },
  });

  /** The last try may have been committed, and its notification is not for this process. */
  function whatIsUnknown(error: unknown): never {
    listeners.tell([]);
    throw error;
  }

  function announce(outcomes: readonly GroupOutcome[]): void {
    const fresh = outcomes.flatMap((outcome) => isRecorded(outcome) ? outcome : []);
    if (fresh.length > 0) listeners.tell(fresh);
    // A commit whose answer was lost was told to nobody here.
    if (outcomes.includes("duplicate")) listeners.tell([]);
  }

  /** Never rejects: the others of the group are committed. */
  async function answer(
    outcome: GroupOutcome,
    command: Prepared | undefined,
  ): Promise<Appended | Error> {
    if (outcome instanceof VersionConflict) return outcome;
    if (outcome !== "duplicate") return appended(outcome, false);
    try {
      const id = command?.meta.commandId ?? "";
      return appended(await retried(() => findCommand(id)), true);
    } catch (error) {
      return error instanceof Error ? error : new Error("Cannot read a command", { cause: error });
    }
  }

  /** An append that was committed although its answer was lost is recognised by its event ids. */
  async function retried<T>(work: () => Promise<T>): Promise<T> {
    for (const waitMs of RETRY_WAITS_MS) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof DatabaseError) || !error.retryable) throw error;
        await wait(waitMs);
      }
    }
    return await work();
  }

  let turn: Promise<void> = Promise.resolve();
  let closed = false;

  return {
    ...reads,
    findCommand,
    blobReferences,
    async append(writes, meta) {
      if (closed) throw new Error("Cannot append: the store is closed");
      // Commands queue in the order of the calls, however long the encryption of one takes.
      const prepared = prepare(writes, meta, { catalog, upcasters, keys });
      const queued = Promise.all([prepared, turn]).then(([command]) => ({
        outcome: batcher.add(command),
      }));
      turn = queued.then(() => {}, () => {});
      return await (await queued).outcome;
    },
    subscribe: listeners.add,
    eraseSubject: (subject) => keys.erase(subject),
    secret: (name) => readSecret(database, name),
    async close() {
      closed = true;
      await turn;
      await batcher.idle();
      await unlisten();
      await keys.close();
      listeners.clear();
    },
  };
}

function appended(events: readonly Recorded[], duplicate: boolean): Appended {
  return { position: events.at(-1)?.position ?? 0, events, duplicate };
}

function isRecorded(outcome: GroupOutcome): outcome is readonly Recorded[] {
  return outcome !== "duplicate" && !(outcome instanceof VersionConflict);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
