import { type Clock, steadyNow } from "@/domain/ports/clock.ts";

/** Asks once for everybody who wants to know within `ms`; a failure is not remembered. */
export function rememberBriefly<T>(
  clock: Pick<Clock, "now">,
  ms: number,
  ask: () => Promise<T>,
): () => Promise<T> {
  const now = steadyNow(clock);
  let asked: Promise<T> | undefined;
  let until = -Infinity;
  return () => {
    if (asked !== undefined && now() < until) return asked;
    until = Infinity;
    asked = ask();
    asked.then(() => until = now() + ms, () => until = -Infinity);
    return asked;
  };
}
