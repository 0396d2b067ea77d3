/** Touches that are remembered. */
const WINDOW = 64;
/** So many of them make something warm: of things touched at random only a few ever are. */
const WARM = 6;

/**
 * What is worth keeping where not all has room, by how often it was touched of late: something
 * comes in when it is warm, and only in the place of what is colder.
 */
export class WarmSet<T> {
  /** Bytes of what is in, the one touched last at the end. */
  readonly #sizes = new Map<T, number>();
  readonly #touches = new Map<T, number>();
  /** A ring of the last touches. */
  readonly #touched: T[] = [];
  readonly #maxBytes: number;
  #next = 0;
  #bytes = 0;
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  touch(one: T): void {
    const forgotten = this.#touched[this.#next];
    if (forgotten !== undefined) this.#count(forgotten, -1);
    this.#touched[this.#next] = one;
    this.#next = (this.#next + 1) % WINDOW;
    this.#count(one, 1);
    const size = this.#sizes.get(one);
    if (size === undefined) return;
    this.#sizes.delete(one);
    this.#sizes.set(one, size);
  }

  /** What has to go for it, coldest first; undefined when it is not worth that. */
  victims(one: T, sizeBytes: number): readonly T[] | undefined {
    const warmth = this.#warmthOf(one);
    if (warmth < WARM) return undefined;
    const coldest = [...this.#sizes].filter(([other]) => other !== one)
      .toSorted(([a], [b]) => this.#warmthOf(a) - this.#warmthOf(b));
    const victims: T[] = [];
    let bytes = this.#bytes - (this.#sizes.get(one) ?? 0) + sizeBytes;
    for (const [other, size] of coldest) {
      if (bytes <= this.#maxBytes) break;
      if (this.#warmthOf(other) >= warmth) return undefined;
      victims.push(other);
      bytes -= size;
    }
    return bytes <= this.#maxBytes ? victims : undefined;
  }

  /** Lets it in; answers what went for it, undefined when it is not worth that. */
  add(one: T, sizeBytes: number): readonly T[] | undefined {
    const victims = this.victims(one, sizeBytes);
    if (victims === undefined) return undefined;
    for (const gone of [...victims, one]) {
      this.#bytes -= this.#sizes.get(gone) ?? 0;
      this.#sizes.delete(gone);
    }
    this.#sizes.set(one, sizeBytes);
    this.#bytes += sizeBytes;
    return victims;
  }

  #warmthOf(one: T): number {
    return this.#touches.get(one) ?? 0;
  }

  #count(one: T, by: number): void {
    const touches = this.#warmthOf(one) + by;
    if (touches === 0) this.#touches.delete(one);
    else this.#touches.set(one, touches);
  }
}
