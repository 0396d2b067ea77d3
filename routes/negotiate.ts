/**
 * Whether an Accept header weighs one media type above another (RFC 9110, 12.5.1); equal weights, and
 * no header, do not.
 */
export function prefers(header: string | undefined, type: string, standard: string): boolean {
  if (header === undefined) return false;
  const ranges = header.toLowerCase().split(",").map(parseRange);
  return weightOf(ranges, type) > weightOf(ranges, standard);
}

interface MediaRange {
  readonly range: string;
  readonly weight: number;
}

function parseRange(part: string): MediaRange {
  const [range = "", ...parameters] = part.split(";").map((one) => one.trim());
  const weight = Number(parameters.find((one) => one.startsWith("q="))?.slice(2) ?? "1");
  return { range, weight: weight >= 0 && weight <= 1 ? weight : 0 };
}

/** The most exact range counts, whatever its weight. */
function weightOf(ranges: readonly MediaRange[], type: string): number {
  const [group] = type.split("/");
  for (const wanted of [type, `${group}/*`, "*/*"]) {
    const found = ranges.find(({ range }) => range === wanted);
    if (found !== undefined) return found.weight;
  }
  return 0;
}
