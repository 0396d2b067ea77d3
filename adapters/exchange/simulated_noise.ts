/** 32 well-mixed bits of a seed and a number (the finalizer of MurmurHash3). */
export function mix(seed: number, n: number): number {
  let h = (seed ^ Math.imul(n, 0x9e3779b1)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The same from 0 inclusive to 1 exclusive. */
export function fraction(seed: number, n: number): number {
  return mix(seed, n) / 2 ** 32;
}

/** FNV-1a. */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/**
 * A random path over whole minutes that can be asked anywhere: value noise in octaves whose
 * amplitude grows with the root of their length, as a random walk's does. Zero on average.
 */
export function createPath(
  seed: number,
  { octaves, stepSize }: { octaves: number; stepSize: number },
): (minute: number) => number {
  const cells = Array.from({ length: octaves }, (_, k) => ({
    seed: mix(seed, k + 1),
    length: 2 ** k,
    amplitude: stepSize * Math.sqrt(2 ** k),
    at: NaN,
    left: 0,
    right: 0,
  }));
  return (minute) => {
    let value = 0;
    for (const cell of cells) {
      const index = Math.floor(minute / cell.length);
      // Neighbouring minutes lie in the same cells: only the shortest are drawn anew.
      if (index !== cell.at) {
        cell.left = index === cell.at + 1 ? cell.right : fraction(cell.seed, index) * 2 - 1;
        cell.right = fraction(cell.seed, index + 1) * 2 - 1;
        cell.at = index;
      }
      const x = minute / cell.length - index;
      value += cell.amplitude * (cell.left + (cell.right - cell.left) * x * x * (3 - 2 * x));
    }
    return value;
  };
}
