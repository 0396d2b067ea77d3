import { Refusal } from "@/domain/decider.ts";

/** No value of ours, a row least of all, is longer. */
const MAX_VALUE = 1 << 20;

/** A cursor over JSON text as it streams; holds one piece and one value at a time. */
export class JsonText {
  readonly #chunks: AsyncIterator<string>;
  #text = "";
  #at = 0;
  constructor(chunks: AsyncIterable<string>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next character that is no white space, still to be read; throws a Refusal at the end. */
  async peek(): Promise<string> {
    for (;;) {
      SPACE.lastIndex = this.#at;
      SPACE.test(this.#text);
      this.#at = SPACE.lastIndex;
      if (this.#at < this.#text.length) return this.#text.charAt(this.#at);
      if (!await this.#more()) throw malformed("it ends too early");
    }
  }

  async accept(sign: string): Promise<boolean> {
    const found = await this.peek() === sign;
    if (found) this.#at++;
    return found;
  }

  async expect(sign: string): Promise<void> {
    if (!await this.accept(sign)) {
      throw malformed(`expected ${sign} but found ${this.#text.charAt(this.#at)}`);
    }
  }

  /** The text of the next whole value. */
  async value(): Promise<string> {
    await this.peek();
    for (;;) {
      const end = valueEnd(this.#text, this.#at);
      if (end !== undefined) {
        const value = this.#text.slice(this.#at, end);
        this.#at = end;
        return value;
      }
      if (this.#text.length - this.#at > MAX_VALUE) throw malformed("a value is too long");
      if (!await this.#more()) throw malformed("it ends too early");
    }
  }

  /** Nothing but white space may follow. */
  async end(): Promise<void> {
    do {
      if (this.#text.slice(this.#at).trim() !== "") throw malformed("text follows its end");
      this.#at = this.#text.length;
    } while (await this.#more());
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#chunks.next();
    if (done === true) return false;
    this.#text = this.#text.slice(this.#at) + value;
    this.#at = 0;
    return true;
  }
}

export function malformed(reason: string): Refusal {
  return new Refusal("malformed_json", `Cannot read the JSON: ${reason}`);
}

const SPACE = /[\s\ufeff]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const TOKEN = /[^\s,:[\]{}"]+(?=[\s,:[\]{}"])/y;
const BEFORE_SIGN = /[^"[\]{}]*/y;

/** Where the value that starts there ends; undefined when it is not all here yet. */
function valueEnd(text: string, start: number): number | undefined {
  const first = text.charAt(start);
  if (first === '"') return matchEnd(STRING, text, start);
  if (first !== "[" && first !== "{") {
    if (/[,:\]}]/.test(first)) throw malformed(`expected a value but found ${first}`);
    return matchEnd(TOKEN, text, start);
  }
  let depth = 0;
  for (let at = start; at < text.length;) {
    at = matchEnd(BEFORE_SIGN, text, at) ?? at;
    const sign = text.charAt(at);
    if (sign === '"') {
      const end = matchEnd(STRING, text, at);
      if (end === undefined) return undefined;
      at = end;
      continue;
    }
    if (sign === "[" || sign === "{") depth++;
    if (sign === "]" || sign === "}") depth--;
    at++;
    if (depth === 0) return at;
  }
  return undefined;
}

function matchEnd(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
