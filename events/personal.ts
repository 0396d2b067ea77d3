import { z } from "zod";

const marks = z.registry<{ readonly role: "personal" | "subject" }>();

/**
 * Marks a field of an event as personal: the log holds it encrypted under the key of the event's
 * subject, and it reads as null once that key is erased.
 */
export function personal<S extends z.ZodType>(schema: S): z.ZodNullable<S> {
  const marked = z.nullable(schema);
  marks.add(marked, { role: "personal" });
  return marked;
}

/** Marks the field that names whose personal fields an event holds: an id, in clear for ever. */
export function subject(schema: z.ZodString): z.ZodString {
  const marked = schema.clone();
  marks.add(marked, { role: "subject" });
  return marked;
}

/** Names of the marked fields of an event's data. */
export interface PersonalFields {
  readonly subject: string;
  readonly fields: readonly string[];
}

const known = new WeakMap<z.ZodObject, PersonalFields | null>();

/**
 * Undefined when nothing is marked. Throws a TypeError for marks that could not be honoured: below
 * the top level, or without exactly one subject.
 */
export function personalFields(schema: z.ZodObject): PersonalFields | undefined {
  let found = known.get(schema);
  if (found === undefined) known.set(schema, found = find(schema));
  return found ?? undefined;
}

function find(schema: z.ZodObject): PersonalFields | null {
  const roles = Object.entries(schema.shape).map(([name, field]) => ({ name, ...roleOf(field) }));
  const nested = roles.find(({ role, schema }) => role === undefined && marksInside(schema));
  if (nested !== undefined) {
    throw new TypeError(`Cannot mark a part of "${nested.name}" as personal: mark the whole field`);
  }
  const fields = roles.filter(({ role }) => role === "personal").map(({ name }) => name);
  const [owner, ...others] = roles.filter(({ role }) => role === "subject");
  if (fields.length === 0) return null;
  if (owner === undefined || others.length > 0) {
    throw new TypeError(`Cannot keep ${fields.join(", ")}: personal fields need one subject`);
  }
  return { subject: owner.name, fields };
}

interface Role {
  readonly role: "personal" | "subject" | undefined;
  readonly schema: unknown;
}

/** The mark may lie below `optional()`, `default()` and their like. */
function roleOf(schema: unknown): Role {
  for (let inner = schema; inner instanceof z.core.$ZodType;) {
    const mark = marks.get(inner);
    if (mark !== undefined) return { role: mark.role, schema };
    const { def } = inner._zod;
    inner = "innerType" in def ? def.innerType : undefined;
  }
  return { role: undefined, schema };
}

function marksInside(value: unknown, seen = new Set<unknown>()): boolean {
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  if (value instanceof z.core.$ZodType) {
    return marks.has(value) || marksInside(value._zod.def, seen);
  }
  return Object.values(value).some((part) => marksInside(part, seen));
}
