import type { Catalog, EventMeta, Recorded, StoredEvent } from "../define.ts";
import { personalFields } from "../personal.ts";
import { trusted } from "../trust.ts";
import { upcasters as houseUpcasters } from "../upcasters/upcasters.ts";
import { createListeners } from "./listeners.ts";
import { expectedVersion, prepare, type Prepared, recordedOf } from "./prepare.ts";
import { subjectOf, unseal } from "./seal.ts";
import {
  type Appended,
  type ErasableEventStore,
  type ReadAllOptions,
  type StreamWrite,
  VersionConflict,
} from "./store.ts";
import { importSubjectKey, newSubjectKey } from "./subject_keys.ts";
import { upcast, type Upcasters } from "./upcast.ts";

export interface MemoryStoreOptions {
  readonly catalog: Catalog;
  readonly upcasters?: Upcasters;
  readonly now?: () => number;
}

const DEFAULT_MAX_BYTES = 8 * 1024 * 1024;

/** As in the database: data are JSON with sealed personal fields. */
interface Kept extends Omit<Recorded, "data"> {
  readonly json: string;
}

/** The log in memory, for tests: it passes the contract suite of the SQL store. */
export class MemoryEventStore implements ErasableEventStore {
  readonly #catalog: Catalog;
  readonly #upcasters: Upcasters;
  readonly #now: () => number;
  readonly #log: Kept[] = [];
  readonly #heads = new Map<string, number>();
  readonly #commands = new Map<string, readonly Kept[]>();
  readonly #keys = new Map<string, Promise<CryptoKey> | null>();
  readonly #secrets = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #listeners = createListeners();
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(
    { catalog, upcasters = houseUpcasters, now = Date.now }: MemoryStoreOptions,
  ) {
    Object.values(catalog).forEach(personalFields);
    this.#catalog = catalog;
    this.#upcasters = upcasters;
    this.#now = now;
  }

  async append(writes: readonly StreamWrite[], meta: EventMeta): Promise<Appended> {
    if (this.#closed) throw new Error("Cannot append: the store is closed");
    const prepared = prepare(writes, meta, {
      catalog: this.#catalog,
      upcasters: this.#upcasters,
      keys: { forWriting: (subjects) => this.#keysOf(subjects) },
    });
    const appended = Promise.all([prepared, this.#turn]).then(([command]) => this.#write(command));
    this.#turn = appended.then(() => {}, () => {});
    return await appended;
  }

  async readStream<E extends StoredEvent = StoredEvent>(
    stream: string,
    { fromVersion = 1, limit = Infinity }: { fromVersion?: number; limit?: number } = {},
  ): Promise<{ events: Recorded<E>[]; version: number }> {
    const version = this.#heads.get(stream) ?? 0;
    const found = this.#log.filter((e) => e.stream === stream && e.version >= fromVersion);
    return { events: trusted<Recorded<E>[]>(await this.#read(found.slice(0, limit))), version };
  }

  async readAll(options: ReadAllOptions): Promise<Recorded[]> {
    const { after, limit, types, stream, maxBytes = DEFAULT_MAX_BYTES } = options;
    const page: Kept[] = [];
    let bytes = 0;
    for (const event of this.#log.slice(after)) {
      if (page.length >= limit || bytes >= maxBytes) break;
      if (stream !== undefined && event.stream !== stream) continue;
      if (types !== undefined && !types.includes(event.type)) continue;
      page.push(event);
      bytes += event.json.length;
    }
    return await this.#read(page);
  }

  findCommand(commandId: string): Promise<readonly Recorded[]> {
    return this.#read(this.#commands.get(commandId) ?? []);
  }

  head(): Promise<number> {
    return Promise.resolve(this.#log.length);
  }

  subscribe(listener: (events: readonly Recorded[]) => void): () => void {
    return this.#listeners.add(listener);
  }

  eraseSubject(subject: string): Promise<void> {
    this.#keys.set(subject, null);
    return Promise.resolve();
  }

  secret(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const value = this.#secrets.get(name) ?? newSubjectKey();
    this.#secrets.set(name, value);
    return Promise.resolve(value);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turn;
    this.#listeners.clear();
  }

  async #write(command: Prepared): Promise<Appended> {
    const { meta, writes } = command;
    const known = this.#commands.get(meta.commandId);
    if (known !== undefined) {
      const events = await this.#read(known);
      return { position: events.at(-1)?.position ?? 0, events, duplicate: true };
    }
    for (const { stream, expected } of writes) {
      const [wanted, actual] = [expectedVersion(expected), this.#heads.get(stream) ?? 0];
      if (wanted !== undefined && wanted !== actual) {
        throw new VersionConflict(stream, expected, actual);
      }
    }
    const at = new Date(Math.max(this.#now(), this.#log.at(-1)?.at.getTime() ?? 0));
    const kept: Kept[] = [];
    const events = command.events.map((event) => {
      const stream = writes[event.write]?.stream ?? "";
      const version = (this.#heads.get(stream) ?? 0) + 1;
      this.#heads.set(stream, version);
      const recorded = recordedOf(event, {
        ...{ stream, version, at, meta: trusted<EventMeta>(JSON.parse(command.metaJson)) },
        position: this.#log.length + kept.length + 1,
      });
      const { data: _, ...place } = recorded;
      kept.push({ ...place, json: event.json });
      return recorded;
    });
    this.#log.push(...kept);
    this.#commands.set(meta.commandId, kept);
    this.#listeners.tell(events);
    return { position: this.#log.length, events, duplicate: false };
  }

  #read(kept: readonly Kept[]): Promise<Recorded[]> {
    return Promise.all(kept.map(async ({ json, ...place }) => {
      const stored = trusted<Record<string, unknown>>(JSON.parse(json));
      const owner = subjectOf(stored);
      const key = owner === undefined ? null : await this.#keys.get(owner) ?? null;
      const data = await unseal(stored, { key, id: place.id });
      return { ...place, ...upcast({ ...place, data }, this.#upcasters) };
    }));
  }

  async #keysOf(subjects: readonly string[]) {
    const keys = subjects.map(async (subject) => {
      if (!this.#keys.has(subject)) {
        this.#keys.set(subject, importSubjectKey(newSubjectKey()));
      }
      return [subject, await this.#keys.get(subject) ?? null] as const;
    });
    return new Map(await Promise.all(keys));
  }
}
