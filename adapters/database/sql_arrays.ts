/** Array literal (`{1,"a b",NULL}`) of one dimension, as PostgreSQL reads it for any element type. */
export function encodeArray<T>(
  values: readonly T[],
  encode: (value: T) => string | null,
): string {
  const parts = values.map((value) => {
    const text = encode(value);
    if (text === null) return "NULL";
    return typeof value === "string" || BARE.test(text) === false ? quote(text) : text;
  });
  return `{${parts.join(",")}}`;
}

const BARE = /^[-+.\w]+$/;
const TO_ESCAPE = /["\\]/g;

function quote(text: string): string {
  return `"${text.replace(TO_ESCAPE, "\\$&")}"`;
}

/** Reads an array literal of any depth; bounds (`[0:1]={…}`) are dropped. */
export function decodeArray(literal: string, decode: (text: string) => unknown): unknown[] {
  return new ArrayReader(literal, decode).read();
}

class ArrayReader {
  readonly #text: string;
  readonly #decode: (text: string) => unknown;
  #at: number;

  constructor(text: string, decode: (text: string) => unknown) {
    this.#text = text;
    this.#decode = decode;
    this.#at = text.indexOf("{");
  }

  read(): unknown[] {
    const items: unknown[] = [];
    this.#at++;
    if (this.#text[this.#at] === "}") {
      this.#at++;
      return items;
    }
    while (this.#at < this.#text.length) {
      items.push(this.#item());
      if (this.#text[this.#at++] === "}") return items;
    }
    throw new Error("Cannot read an SQL array: it has no end");
  }

  #item(): unknown {
    const first = this.#text[this.#at];
    if (first === "{") return this.read();
    if (first === '"') return this.#decode(this.#quoted());
    const start = this.#at;
    while (this.#at < this.#text.length && !/[,}]/.test(this.#text.charAt(this.#at))) this.#at++;
    const bare = this.#text.slice(start, this.#at);
    return bare === "NULL" ? null : this.#decode(bare);
  }

  #quoted(): string {
    let text = "";
    let start = ++this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (char === '"') break;
      if (char !== "\\") continue;
      text += this.#text.slice(start, this.#at);
      start = ++this.#at;
    }
    text += this.#text.slice(start, this.#at);
    this.#at++;
    return text;
  }
}
