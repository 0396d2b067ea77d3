import fc from "fast-check";
import { z } from "zod";

/** Values that a schema of the catalog accepts. Throws for a kind of schema that it does not know. */
export function arbitraryOf(schema: z.core.$ZodType): fc.Arbitrary<unknown> {
  if (schema instanceof z.ZodISODate) return dates();
  if (schema instanceof z.ZodString) return stringOf(schema);
  if (schema instanceof z.ZodNumber) return numberOf(schema);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodNullable) return fc.option(arbitraryOf(schema.def.innerType));
  if (schema instanceof z.ZodOptional) {
    return fc.option(arbitraryOf(schema.def.innerType), { nil: undefined });
  }
  if (schema instanceof z.ZodTuple) return fc.tuple(...schema.def.items.map(arbitraryOf));
  if (schema instanceof z.ZodArray) {
    return fc.array(arbitraryOf(schema.element), { minLength: 1, maxLength: 5 });
  }
  if (schema instanceof z.ZodObject) {
    const fields = Object.entries(schema.shape).map(([name, field]) => [name, arbitraryOf(field)]);
    return fc.record(Object.fromEntries(fields));
  }
  if (schema instanceof z.ZodRecord) {
    return fc.dictionary(names(), arbitraryOf(schema.valueType), { noNullPrototype: true });
  }
  // The one lazy schema of the catalog is z.json().
  if (schema instanceof z.ZodLazy) return jsonTrees();
  throw new TypeError(`Cannot make values for a schema of kind ${schema._zod.def.type}`);
}

function stringOf({ minLength, maxLength }: z.ZodString): fc.Arbitrary<string> {
  // A grapheme may be several characters: only where their number is free.
  if (maxLength === null) return fc.string({ minLength: minLength ?? 0, unit: "grapheme" });
  return fc.string({ minLength: minLength ?? 0, maxLength });
}

function numberOf({ minValue, maxValue, isInt }: z.ZodNumber): fc.Arbitrary<number> {
  const [min, max] = [finite(minValue), finite(maxValue)];
  return isInt
    ? fc.integer({ min: min ?? -(2 ** 53), max: max ?? 2 ** 53 - 1 }).map((n) => n === 0 ? 0 : n)
    : fc.double({
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      noNaN: true,
      noDefaultInfinity: true,
    });
}

function finite(bound: number | null): number | undefined {
  return bound === null || Math.abs(bound) > Number.MAX_SAFE_INTEGER ? undefined : bound;
}

function dates(): fc.Arbitrary<string> {
  const [min, max] = [new Date("2000-01-01"), new Date("2099-12-31")];
  return fc.date({ min, max, noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10));
}

function jsonTrees(): fc.Arbitrary<unknown> {
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ depthSize: "small" }, tie("leaf"), fc.array(tie("tree"), { maxLength: 3 }), {
      arbitrary: fc.dictionary(names(), tie("tree"), { noNullPrototype: true }),
      weight: 1,
    }),
    leaf: fc.oneof(
      ...[fc.string({ unit: "grapheme" }), fc.boolean(), fc.constant(null)],
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n === 0 ? 0 : n),
    ),
  }));
  return tree;
}

/** Zod leaves out a key that would change the prototype: no such name is ever kept. */
function names(): fc.Arbitrary<string> {
  return fc.string({ minLength: 1 }).filter((name) => name !== "__proto__");
}
