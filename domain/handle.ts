import type { EventMeta, Recorded, StoredEvent } from "@/events/define.ts";
import { type EventStore, VersionConflict } from "@/events/store/store.ts";
import { trusted } from "@/events/trust.ts";
import { type Decider, Refusal } from "./decider.ts";

export interface Handled<Event> {
  readonly events: readonly Recorded<Event>[];
  /** Position of the last event; the log's head when nothing changed. */
  readonly position: number;
  /** The command had been handled before; this is what it recorded then. */
  readonly replayed: boolean;
}

export interface HandleRequest<Command> {
  readonly stream: string;
  readonly command: Command;
  readonly meta: EventMeta;
  readonly attempts?: number;
}

/**
 * Looks the command up, else loads its stream, decides and appends; decides again when another
 * writer came first. Throws Refusal `validation_error` when the command id was used with another
 * body, VersionConflict after the last attempt.
 */
export async function handle<Command, Event extends StoredEvent, State>(
  { store }: { readonly store: EventStore },
  decider: Decider<Command, Event, State>,
  request: HandleRequest<Command>,
): Promise<Handled<Event>> {
  const { stream, command, meta, attempts = 5 } = request;
  for (let attempt = 1;; attempt++) {
    // At once: what each would miss is seen by the other one or by the append.
    const [known, { events, version }] = await Promise.all([
      store.findCommand(meta.commandId),
      store.readStream<Event>(stream),
    ]);
    if (known.length > 0) return replay<Event>(known, meta);
    // Its twin came between: deciding again would take its own effect for somebody else's.
    if (events.some((event) => event.meta.commandId === meta.commandId)) continue;
    const state = events.reduce<State>(
      (value, event) => decider.evolve(value, event),
      decider.initial,
    );
    const decided = decider.decide(command, state);
    if (decided.length === 0) {
      return { events: [], position: await store.head(), replayed: false };
    }
    try {
      const expected = version === 0 ? "none" : version;
      const appended = await store.append([{ stream, expected, events: decided }], meta);
      if (appended.duplicate) return replay<Event>(appended.events, meta);
      const { position } = appended;
      return { events: trusted<Recorded<Event>[]>(appended.events), position, replayed: false };
    } catch (error) {
      if (!(error instanceof VersionConflict) || attempt >= attempts) throw error;
    }
  }
}

function replay<Event>(events: readonly Recorded[], meta: EventMeta): Handled<Event> {
  const recorded = events[0]?.meta.fingerprint;
  if (recorded !== undefined && recorded !== meta.fingerprint) {
    throw new Refusal(
      "validation_error",
      "Cannot repeat this request: its Idempotency-Key was used with another body",
      { field: "Idempotency-Key" },
    );
  }
  const position = events.at(-1)?.position ?? 0;
  return { events: trusted<Recorded<Event>[]>(events), position, replayed: true };
}
