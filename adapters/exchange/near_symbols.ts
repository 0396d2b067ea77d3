import { Refusal } from "@/domain/decider.ts";

const MOST_SHOWN = 5;

/** Refusal `not_found` that names what the venue has and comes closest. */
export function unknownSymbol(
  venue: string,
  symbol: string,
  known: Iterable<string>,
): Refusal {
  const near = nearSymbols(symbol, known);
  return new Refusal("not_found", `Cannot find ${symbol} at ${venue}`, {
    field: "symbol",
    details: near.map((one) => ({ field: "symbol", message: `${one} exists` })),
  });
}

/** The known symbols that differ least from the wanted one, nearest first, at most five. */
export function nearSymbols(wanted: string, known: Iterable<string>): string[] {
  const plain = letters(wanted);
  const most = Math.max(2, Math.ceil(plain.length / 3));
  return [...known]
    .map((symbol) => ({ symbol, edits: edits(plain, symbol) }))
    .filter(({ edits }) => edits <= most)
    .sort((a, b) => a.edits - b.edits || (a.symbol < b.symbol ? -1 : 1))
    .slice(0, MOST_SHOWN)
    .map(({ symbol }) => symbol);
}

/** People leave out what a contract is settled in. */
function edits(plain: string, symbol: string): number {
  const [pair = ""] = symbol.split(":");
  return Math.min(editDistance(plain, letters(symbol)), editDistance(plain, letters(pair)));
}

/** Levenshtein's distance. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function letters(symbol: string): string {
  return symbol.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
}
