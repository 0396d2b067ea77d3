/** Seven bits a byte, the lowest first: numbers that are mostly small take a byte or two. */
export class VarintWriter {
  readonly #bytes: number[] = [];

  /** Not negative. */
  write(value: number | bigint): void {
    let rest = typeof value === "bigint" ? this.#high(value) : value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes.push(rest % 128 + 128);
    this.#bytes.push(rest);
  }

  /** A safe integer of either sign, below 2^52. */
  writeSigned(value: number): void {
    this.write(value < 0 ? -2 * value - 1 : 2 * value);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }

  /** Writes what is beyond a double, and answers the rest. */
  #high(value: bigint): number {
    let rest = value;
    for (; rest > EXACT; rest >>= 7n) this.#bytes.push(Number(rest & 127n) + 128);
    return Number(rest);
  }
}

const EXACT = BigInt(Number.MAX_SAFE_INTEGER);

export class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** A bigint where a double would round. Throws a RangeError behind the end. */
  read(): number | bigint {
    const from = this.#at;
    let [value, factor] = [0, 1];
    for (;; factor *= 128) {
      const byte = this.#next();
      value += (byte & 127) * factor;
      if (byte < 128) return value <= Number.MAX_SAFE_INTEGER ? value : this.#exact(from);
    }
  }

  /** Throws a RangeError for what no {@linkcode VarintWriter.writeSigned} wrote. */
  readSigned(): number {
    const value = this.readSmall();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Throws a RangeError beyond 2^53. */
  readSmall(): number {
    const value = this.read();
    if (typeof value === "number") return value;
    throw new RangeError("Cannot read a number of these bytes: it is too large");
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #exact(from: number): bigint {
    let value = 0n;
    for (let at = this.#at - 1; at >= from; at--) {
      value = (value << 7n) + BigInt((this.#bytes[at] ?? 0) & 127);
    }
    return value;
  }

  #next(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError("Cannot read a number of these bytes: they end");
    return byte;
  }
}
