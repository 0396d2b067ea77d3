import { untilAborted } from "../until_aborted.ts";
import { errorKinds } from "./venue_errors.ts";

interface ListingOptions {
  /** Asks for the symbols that the parameters name: unified symbol and Binance's own. */
  ask(
    params: object,
    signal?: AbortSignal,
  ): Promise<readonly (readonly [unified: string, own: string])[]>;
  /** Epoch ms that never go back. */
  now(): number;
}

interface Wanted {
  /** As it was typed. */
  readonly text: string;
  /** The same as a unified symbol, and as Binance writes most of those. */
  readonly wanted: string;
  readonly own: string;
}

export interface Listing {
  /** Unified symbol → Binance's own, of all that were ever seen. */
  readonly known: ReadonlyMap<string, string>;
  /** Binance's own symbol; undefined where it lists none. */
  find(wanted: Wanted, signal: AbortSignal | undefined): Promise<string | undefined>;
}

/** The whole list is 20 MB, and a symbol that is not in it is missed each time it is crawled. */
const REMEMBERED_MS = 3_600_000;

/** Which symbols Binance lists: one is asked for alone first, the whole list once an hour at most. */
export function createListing({ ask, now }: ListingOptions): Listing {
  const known = new Map<string, string>();
  /** Unified symbol → until when it counts as not listed. */
  const missing = new Map<string, number>();
  let wholeUntil = -Infinity;
  let loading: Promise<void> | undefined;

  async function load(params: object, signal?: AbortSignal): Promise<void> {
    for (const [unified, own] of await ask(params, signal)) known.set(unified, own);
  }

  /** Shared by all who want it: none of them may end it for the others. */
  async function loadWhole(): Promise<void> {
    await load({ showPermissionSets: "false" });
    wholeUntil = now() + REMEMBERED_MS;
  }

  function isMissing(wanted: string): boolean {
    for (const [symbol, until] of missing) if (until <= now()) missing.delete(symbol);
    return missing.has(wanted);
  }

  return {
    known,
    async find({ text, wanted, own }, signal) {
      const found = () => known.get(wanted) ?? [...known.values()].find((one) => one === text);
      if (found() !== undefined || isMissing(wanted)) return found();
      await load({ symbol: own }, signal).catch(ignoreUnknown);
      if (!known.has(wanted) && wholeUntil <= now()) {
        loading ??= loadWhole().finally(() => loading = undefined);
        await untilAborted(loading, signal);
      }
      if (found() === undefined) missing.set(wanted, now() + REMEMBERED_MS);
      return found();
    },
  };
}

function ignoreUnknown(error: unknown): void {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!errorKinds(cause).includes("BadSymbol")) throw error;
}
