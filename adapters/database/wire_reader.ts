import type { SqlRow } from "@/events/store/database.ts";
import { type Decode, decoderOf } from "./sql_values.ts";

export type RowMode = "objects" | "arrays";

export interface WireError {
  readonly message: string;
  readonly sqlstate: string | undefined;
  readonly constraint: string | undefined;
  readonly routine: string | undefined;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
  readonly where: string | undefined;
}

export interface WireReply {
  /** Rows of each completed statement, in order. */
  readonly results: unknown[][];
  readonly error: WireError | undefined;
  readonly notifications: readonly { readonly channel: string; readonly payload: string }[];
  /** The session was left inside a transaction. */
  readonly inTransaction: boolean;
}

interface Column {
  readonly name: string;
  readonly decode: Decode;
}

const UTF8 = new TextDecoder();
const HEADER_BYTES = 5;

/** Reads the back end's answer to one batch, up to and with its ReadyForQuery. */
export function readReply(bytes: Uint8Array, mode: RowMode): WireReply {
  const reader = new ReplyReader(bytes, mode);
  return reader.read();
}

/** True when the answer ends outside a transaction. */
export function endsIdle(bytes: Uint8Array): boolean {
  return bytes.at(-1) === "I".charCodeAt(0);
}

class ReplyReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #mode: RowMode;
  readonly #results: unknown[][] = [];
  readonly #notifications: { channel: string; payload: string }[] = [];
  #error: WireError | undefined;
  #columns: readonly Column[] = [];
  #rows: unknown[] = [];
  #at = 0;

  constructor(bytes: Uint8Array, mode: RowMode) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#mode = mode;
  }

  read(): WireReply {
    let inTransaction = false;
    let start = 0;
    while (start < this.#bytes.length) {
      const type = String.fromCharCode(this.#view.getUint8(start));
      const end = start + 1 + this.#view.getInt32(start + 1);
      this.#at = start + HEADER_BYTES;
      if (type === "Z") inTransaction = !endsIdle(this.#bytes.subarray(start, end));
      else this.#message(type, end);
      start = end;
    }
    return {
      results: this.#results,
      error: this.#error,
      notifications: this.#notifications,
      inTransaction,
    };
  }

  #message(type: string, end: number): void {
    switch (type) {
      case "T":
        this.#columns = this.#rowDescription();
        break;
      case "D":
        this.#rows.push(this.#mode === "arrays" ? this.#rowArray() : this.#rowObject());
        break;
      case "C": // command complete
      case "I": // empty statement
        this.#results.push(this.#rows);
        this.#rows = [];
        this.#columns = [];
        break;
      case "E":
        this.#error ??= this.#errorResponse(end);
        break;
      case "A":
        this.#at += 4;
        this.#notifications.push({ channel: this.#text0(), payload: this.#text0() });
        break;
    }
  }

  #rowDescription(): Column[] {
    const columns: Column[] = [];
    for (let count = this.#int16(); count > 0; count--) {
      const name = this.#text0();
      columns.push({ name, decode: decoderOf(this.#view.getInt32(this.#at + 6)) });
      this.#at += 18;
    }
    return columns;
  }

  #rowArray(): unknown[] {
    this.#at += 2;
    return this.#columns.map((column) => this.#field(column));
  }

  #rowObject(): SqlRow {
    this.#at += 2;
    const row: Record<string, unknown> = {};
    for (const column of this.#columns) row[column.name] = this.#field(column);
    return row;
  }

  #field(column: Column): unknown {
    const size = this.#view.getInt32(this.#at);
    this.#at += 4;
    if (size < 0) return null;
    const text = this.#text(size);
    this.#at += size;
    return column.decode(text);
  }

  #errorResponse(end: number): WireError {
    const fields = new Map<string, string>();
    while (this.#at < end - 1) {
      const code = String.fromCharCode(this.#view.getUint8(this.#at++));
      fields.set(code, this.#text0());
    }
    return {
      message: fields.get("M") ?? "unknown error",
      sqlstate: fields.get("C"),
      constraint: fields.get("n"),
      routine: fields.get("R"),
      detail: fields.get("D"),
      hint: fields.get("H"),
      where: fields.get("W"),
    };
  }

  #int16(): number {
    const value = this.#view.getInt16(this.#at);
    this.#at += 2;
    return value;
  }

  #text0(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = this.#text(end - this.#at);
    this.#at = end + 1;
    return text;
  }

  // Most fields are short ASCII, where a loop beats the decoder several times over.
  #text(size: number): string {
    const end = this.#at + size;
    if (size > 24) return UTF8.decode(this.#bytes.subarray(this.#at, end));
    let text = "";
    for (let at = this.#at; at < end; at++) {
      const byte = this.#view.getUint8(at);
      if (byte > 127) return UTF8.decode(this.#bytes.subarray(this.#at, end));
      text += String.fromCharCode(byte);
    }
    return text;
  }
}
