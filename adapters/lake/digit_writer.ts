const [ZERO, POINT, MINUS] = [48, 46, 45];
/** More than any number takes. */
const LONGEST = 64;
/** Below this, arithmetic is that of small integers. */
const SMALL = 2 ** 31;

/** Bytes of text that is mostly numbers: a third of the time of strings that are joined and encoded. */
export class DigitWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;
  readonly #digits = new Uint8Array(LONGEST);
  constructor(sizeBytes: number) {
    this.#bytes = new Uint8Array(Math.max(sizeBytes, LONGEST));
  }

  /** ASCII. */
  text(text: string): void {
    this.#reserve(text.length);
    for (let at = 0; at < text.length; at++) this.#bytes[this.#length++] = text.charCodeAt(at);
  }

  /** A safe integer times 10^-scale (0 to 18), as canonical text: no trailing zeros, no exponent. */
  decimal(scaled: number, scale: number): void {
    this.#reserve(LONGEST);
    let [rest, places] = [scaled, scale];
    if (rest < 0) {
      this.#bytes[this.#length++] = MINUS;
      rest = -rest;
    }
    for (; places > 0 && rest % 10 === 0; places--) rest /= 10;
    // From the last digit to the first.
    let at = LONGEST;
    for (let written = 0; rest > 0 || written <= places; written++) {
      if (written === places && places > 0) this.#digits[--at] = POINT;
      const tenth = rest < SMALL ? (rest / 10) | 0 : Math.floor(rest / 10);
      this.#digits[--at] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    while (at < LONGEST) this.#bytes[this.#length++] = this.#digits[at++] ?? ZERO;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#bytes.length + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}
