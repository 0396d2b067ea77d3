const [ZERO, POINT, MINUS] = [48, 46, 45];
/** More than any number takes. */
const LONGEST = 64;
/** Arithmetic of integers below 2^31 is several times faster than that of doubles. */
const SMALL = 2 ** 31;
const BILLION = 1e9;

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
    const rest = Math.abs(scaled);
    let high = rest < SMALL ? 0 : Math.floor(rest / BILLION);
    let low = (rest - high * BILLION) | 0;
    // From the last digit to the first.
    let [at, isTrailing] = [LONGEST, scale > 0];
    for (let place = 0; low > 0 || high > 0 || place <= scale; place++) {
      if (place === 9 && high > 0) [low, high] = [high, 0];
      if (place === scale) {
        if (scale > 0 && !isTrailing) this.#digits[--at] = POINT;
        isTrailing = false;
      }
      const tenth = (low / 10) | 0;
      const digit = low - tenth * 10;
      low = tenth;
      if (isTrailing && digit === 0) continue;
      isTrailing = false;
      this.#digits[--at] = ZERO + digit;
    }
    const bytes = this.#bytes;
    let length = this.#length;
    if (scaled < 0) bytes[length++] = MINUS;
    while (at < LONGEST) bytes[length++] = this.#digits[at++] ?? ZERO;
    this.#length = length;
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
