/**
 * The same request at another base: `https://api.binance.com/api/v3/time` at `http://127.0.0.1:1234`
 * is `http://127.0.0.1:1234/api/v3/time`. What the base's path ends with and the request's begins
 * with is not doubled.
 */
export function rebase(url: URL, base: string | undefined): URL {
  if (base === undefined) return url;
  const target = new URL(base);
  const [before, after] = [segments(target.pathname), segments(url.pathname)];
  const shared = [...after.keys(), after.length].reverse()
    .find((n) => n <= before.length && equal(before.slice(before.length - n), after.slice(0, n)));
  target.pathname = [...before, ...after.slice(shared)].join("/");
  target.search = url.search;
  return target;
}

function segments(path: string): string[] {
  return path.split("/").filter((segment) => segment !== "");
}

function equal(a: readonly string[], b: readonly string[]): boolean {
  return a.every((segment, i) => segment === b[i]);
}
