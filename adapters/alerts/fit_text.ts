const CUT = "\n…";

/**
 * The text, or as many of its first lines as fit, and a sign that there was more. A line is cut only
 * where it would leave less than half of the room used, and never within a character.
 */
export function fitText(text: string, fits: (text: string) => boolean): string {
  if (fits(text)) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(head(text, middle) + CUT)) low = middle;
    else high = middle - 1;
  }
  const lineEnd = text.lastIndexOf("\n", low);
  return head(text, lineEnd > low / 2 ? lineEnd : low).trimEnd() + CUT;
}

/** Never half of a pair of surrogates. */
function head(text: string, length: number): string {
  const part = text.slice(0, length);
  return part.isWellFormed() ? part : part.slice(0, -1);
}
