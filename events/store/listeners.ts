import type { Recorded } from "../define.ts";

type Listener = (events: readonly Recorded[]) => void;

export interface Listeners {
  add(listener: Listener): () => void;
  tell(events: readonly Recorded[]): void;
  clear(): void;
}

/** Who wants to know of appends. One that throws is a bug: the others and the append go on. */
export function createListeners(): Listeners {
  const listeners = new Set<Listener>();
  return {
    add(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(events) {
      for (const listener of listeners) {
        try {
          listener(events);
        } catch (error) {
          reportError(error);
        }
      }
    },
    clear: () => listeners.clear(),
  };
}
