import type { Encoded } from "./sql_values.ts";

const TEXT = new TextEncoder();
const INITIAL_BYTES = 1024;
// Up to here three bytes a character are reserved in place; longer text is encoded apart.
const IN_PLACE_CHARS = 32_768;

/** Builds the front end's messages of PostgreSQL's protocol 3 (chapter "Message Formats"). */
export class WireWriter {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  /** Prepares `sql` under `name`; the empty name is the one that the next parse replaces. */
  parse(name: string, sql: string): this {
    const start = this.#begin("P");
    this.#text0(name);
    this.#text0(sql);
    this.#int16(0);
    return this.#end(start);
  }

  /** Text parameters, bytes in binary; results in text. */
  bind(name: string, values: readonly Encoded[]): this {
    const start = this.#begin("B");
    this.#text0("");
    this.#text0(name);
    this.#int16(values.length);
    for (const value of values) this.#int16(value instanceof Uint8Array ? 1 : 0);
    this.#int16(values.length);
    for (const value of values) this.#value(value);
    this.#int16(0);
    return this.#end(start);
  }

  describePortal(): this {
    const start = this.#begin("D");
    this.#byte("P");
    this.#text0("");
    return this.#end(start);
  }

  execute(): this {
    const start = this.#begin("E");
    this.#text0("");
    this.#int32(0);
    return this.#end(start);
  }

  /** No error when there is no such statement. */
  closeStatement(name: string): this {
    const start = this.#begin("C");
    this.#byte("S");
    this.#text0(name);
    return this.#end(start);
  }

  sync(): this {
    return this.#end(this.#begin("S"));
  }

  /** Simple protocol: several statements, no parameters. */
  query(sql: string): this {
    const start = this.#begin("Q");
    this.#text0(sql);
    return this.#end(start);
  }

  /** What was written, with a buffer of its own so that it can be transferred. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#size);
  }

  #begin(type: string): number {
    this.#byte(type);
    const start = this.#size;
    this.#int32(0);
    return start;
  }

  #end(start: number): this {
    this.#view.setInt32(start, this.#size - start);
    return this;
  }

  #value(value: Encoded): void {
    if (value === null) return this.#int32(-1);
    const start = this.#size;
    this.#int32(0);
    if (typeof value === "string") this.#text(value);
    else this.#raw(value);
    this.#view.setInt32(start, this.#size - start - 4);
  }

  #text0(text: string): void {
    this.#text(text);
    this.#byte("\0");
  }

  #text(text: string): void {
    if (text.length > IN_PLACE_CHARS) return this.#raw(TEXT.encode(text));
    this.#reserve(text.length * 3);
    this.#size += TEXT.encodeInto(text, this.#bytes.subarray(this.#size)).written;
  }

  #raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  #byte(char: string): void {
    this.#reserve(1);
    this.#bytes[this.#size++] = char.charCodeAt(0);
  }

  #int16(value: number): void {
    this.#reserve(2);
    this.#view.setUint16(this.#size, value);
    this.#size += 2;
  }

  #int32(value: number): void {
    this.#reserve(4);
    this.#view.setInt32(this.#size, value);
    this.#size += 4;
  }

  #reserve(count: number): void {
    const needed = this.#size + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
