/** Something that goes wrong with one answer. */
export type Fault =
  | { readonly kind: "rate_limited"; readonly retryAfterS?: number }
  | { readonly kind: "banned"; readonly retryAfterS?: number }
  | { readonly kind: "server_error"; readonly status?: number; readonly body?: string }
  | { readonly kind: "truncated" }
  | { readonly kind: "empty" }
  | { readonly kind: "slow"; readonly release: Promise<void> }
  | { readonly kind: "reset" }
  | { readonly kind: "repeat_boundary" }
  | { readonly kind: "html" };

/** Asked for each request for candles; undefined lets it pass. */
export type Faults = (request: { readonly n: number; readonly url: URL }) => Fault | undefined;

/** The first requests fail in this order (`undefined` passes), all later ones pass. */
export function scripted(...script: readonly (Fault | undefined)[]): Faults {
  return ({ n }) => script[n - 1];
}

/** About one request in `every` fails, which and how follows from the seed. An error may be followed by an empty page. */
export function seeded(seed: number, every: number): Faults {
  let state = seed >>> 0;
  let afterError = false;
  const draw = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * n);
  };
  return () => {
    if (afterError && draw(2) === 0) {
      afterError = false;
      return { kind: "empty" };
    }
    afterError = false;
    if (draw(every) !== 0) return undefined;
    afterError = true;
    const kinds: readonly Fault[] = [
      { kind: "rate_limited", retryAfterS: 1 },
      { kind: "banned", retryAfterS: 2 },
      { kind: "server_error", status: 502 },
      { kind: "truncated" },
      { kind: "reset" },
      { kind: "repeat_boundary" },
      { kind: "html" },
    ];
    return kinds[draw(kinds.length)];
  };
}
