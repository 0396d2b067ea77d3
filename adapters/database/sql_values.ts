import { DatabaseError, type SqlScalar, type SqlValue } from "@/events/store/database.ts";
import { decodeArray, encodeArray } from "./sql_arrays.ts";

/** Text (or, for bytes, binary) form in which a parameter crosses the wire; `null` is SQL NULL. */
export type Encoded = string | Uint8Array | null;

export type Decode = (text: string) => unknown;

/** Throws {@linkcode DatabaseError} 22021 for text that UTF-8 cannot hold, rather than alter it. */
export function encodeParameter(value: SqlValue): Encoded {
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return encodeArray(value, encodeScalar);
  return encodeScalar(value);
}

function encodeScalar(value: SqlScalar | readonly SqlScalar[]): string | null {
  if (value === null) return null;
  switch (typeof value) {
    case "string":
      if (value.isWellFormed()) return value;
      throw new DatabaseError("Cannot store text: it holds half of a surrogate pair", {
        sqlstate: "22021",
      });
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${value.toHex()}`;
  throw new TypeError(`Cannot bind ${Object.prototype.toString.call(value)} as an SQL parameter`);
}

/** The parser of a type's text form, by the type's oid; text stays text where none is known. */
export function decoderOf(oid: number): Decode {
  return DECODERS.get(oid) ?? asText;
}

function asText(text: string): string {
  return text;
}

function asInt8(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new DatabaseError(`Cannot read bigint ${text}: beyond 2^53, cast it to text`, {
    sqlstate: "22003",
  });
}

function asBytes(text: string): Uint8Array {
  return Uint8Array.fromHex(text.slice(2));
}

// PostgreSQL's ISO form is `2024-05-01 12:00:00.123456+00`; both adapters fix the session to UTC.
function asDate(text: string): Date {
  if (text === "infinity") return new Date(8.64e15);
  if (text === "-infinity") return new Date(-8.64e15);
  const [day = "", time = ""] = text.split(" ");
  const zone = time.search(/[+-]/);
  const clock = time.slice(0, zone);
  const seconds = clock.length > 12 ? clock.slice(0, 12) : clock;
  const offset = time.slice(zone);
  return new Date(`${day}T${seconds}${offset.length === 3 ? `${offset}:00` : offset}`);
}

function arrayOf(decode: Decode): Decode {
  return (text) => decodeArray(text, decode);
}

function asBoolean(text: string): boolean {
  return text === "t";
}

function asJson(text: string): unknown {
  return JSON.parse(text);
}

/** Element type oid, array type oid, parser (catalog pg_type, fixed in every PostgreSQL). */
const TYPES = [
  [16, 1000, asBoolean],
  [17, 1001, asBytes],
  [18, 1002, asText],
  [19, 1003, asText],
  [20, 1016, asInt8],
  [21, 1005, Number],
  [23, 1007, Number],
  [25, 1009, asText],
  [26, 1028, Number],
  [114, 199, asJson],
  [700, 1021, Number],
  [701, 1022, Number],
  [1042, 1014, asText],
  [1043, 1015, asText],
  [1082, 1182, asText],
  [1083, 1183, asText],
  [1114, 1115, asText],
  [1184, 1185, asDate],
  [1186, 1187, asText],
  [1700, 1231, asText],
  [2950, 2951, asText],
  [3802, 3807, asJson],
] as const;

const DECODERS: ReadonlyMap<number, Decode> = new Map(
  TYPES.flatMap(([oid, arrayOid, decode]): [number, Decode][] => [
    [oid, decode],
    [arrayOid, arrayOf(decode)],
  ]),
);
