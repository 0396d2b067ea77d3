import { z } from "zod";
import type { EventMeta, StoredEvent } from "@/events/define.ts";
import { personal, subject } from "@/events/personal.ts";
import { reservationEvents } from "@/events/store/reservation.ts";
import type { ErasableEventStore } from "@/events/store/store.ts";
import type { Upcaster } from "@/events/store/upcast.ts";

/** Events with all that a store must be able to hold. */
export const testCatalog = {
  Counted: z.object({ n: z.number() }),
  Noted: z.object({ value: z.json() }),
  Renamed: z.object({ name: z.string() }),
  Signed: z.object({
    userId: subject(z.string()),
    email: personal(z.string()),
    address: personal(z.object({ street: z.string(), city: z.string() })).optional(),
    plan: z.string(),
  }),
  ...reservationEvents,
} as const;

/** A store on an empty log, and the registry of upcasters that it reads with, to be filled by tests. */
export interface OpenStore {
  readonly store: ErasableEventStore;
  readonly upcasters: Record<string, readonly Upcaster[]>;
}

/** One thing that every implementation must do. */
export interface StoreCase {
  readonly name: string;
  run(open: OpenStore): Promise<void>;
}

export function newMeta(): EventMeta {
  return { actor: "job:test", commandId: crypto.randomUUID() };
}

/** A stream that no other case uses. */
export function newStream(): string {
  return `test-${crypto.randomUUID()}`;
}

export function counted(...numbers: readonly number[]): StoredEvent[] {
  return numbers.map((n) => ({ type: "Counted", data: { n } }));
}
