/** Characters that are compared. */
const LONGEST = 60;

/** Characters that may differ between near texts: `ETC` for `ETH` is one, another pair is more. */
const MOST_SLIPS = 2;

/** Characters of a text that says enough when it is found within another: `BTC`. */
const LEAST_PART = 3;

/** Near matches named in a refusal. */
export const MOST_NEAR = 5;

/** Those whose text is like the wanted one: by a slip of the pen, or because one holds the other. */
export function nearest<T>(
  all: readonly T[],
  wanted: string,
  textOf: (one: T) => string,
  most = MOST_NEAR,
): readonly T[] {
  const scored = all.map((one) => ({ one, distance: unlikeness(textOf(one), wanted) }))
    .filter(({ distance }) => distance <= MOST_SLIPS);
  return scored.toSorted((a, b) => a.distance - b.distance).slice(0, most).map(({ one }) => one);
}

/** Single characters that differ; as few as may be where one text holds the other. */
function unlikeness(held: string, wanted: string): number {
  const [a, b] = [letters(held), letters(wanted)];
  const holds = Math.min(a.length, b.length) >= LEAST_PART && (a.includes(b) || b.includes(a));
  return Math.min(distance(held, wanted), holds ? MOST_SLIPS : Infinity);
}

function letters(text: string): string {
  return text.slice(0, LONGEST).toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
}

/** Levenshtein's: single characters to change, add or take away. */
function distance(a: string, b: string): number {
  const [left = "", right = ""] = [a, b].map((text) => text.slice(0, LONGEST).toUpperCase());
  let row = Array.from({ length: right.length + 1 }, (_, j) => j);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const change = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
