import { Refusal } from "@/domain/decider.ts";

/** Connections that may be open at one moment. */
export interface Places {
  /**
   * Takes one and answers how to give it back. Refusals: `unavailable` when all are taken,
   * `rate_limited` when the caller has too many.
   */
  take(caller: string): () => void;
}

export function createPlaces(
  { total, perCaller }: { readonly total: number; readonly perCaller: number },
): Places {
  const taken = new Map<string, number>();
  let open = 0;
  return {
    take(caller) {
      const mine = taken.get(caller) ?? 0;
      if (open >= total) {
        throw new Refusal("unavailable", `Cannot connect: ${total} connections are open already`);
      }
      if (mine >= perCaller) {
        throw new Refusal("rate_limited", `Cannot connect: you have ${perCaller} connections open`);
      }
      open++;
      taken.set(caller, mine + 1);
      let held = true;
      return () => {
        if (!held) return;
        held = false;
        open--;
        const left = (taken.get(caller) ?? 1) - 1;
        if (left === 0) taken.delete(caller);
        else taken.set(caller, left);
      };
    },
  };
}
