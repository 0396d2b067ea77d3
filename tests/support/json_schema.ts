/** As much of JSON Schema as our OpenAPI document uses. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly minimum?: number;
}

const KNOWN: ReadonlySet<string> = new Set([
  ...["$ref", "type", "enum", "const", "properties", "required", "additionalProperties", "items"],
  ...["anyOf", "allOf", "minimum", "maximum", "description", "example", "format", "default"],
  ...["pattern", "propertyNames", "minLength", "maxLength"],
]);

/** Where a value does not fit its schema, a line each; what is not named counts as unknown. */
export function misfits(
  document: unknown,
  schema: Schema,
  { value, at = "$" }: { readonly value: unknown; readonly at?: string },
): string[] {
  const odd = Object.keys(schema).filter((key) => !KNOWN.has(key));
  if (odd.length > 0) return [`${at}: the check knows nothing of ${odd}`];
  if (schema.$ref !== undefined) {
    return misfits(document, resolve(document, schema.$ref), { value, at });
  }
  if (schema.anyOf !== undefined) {
    const all = schema.anyOf.map((one) => misfits(document, one, { value, at }));
    return all.some((found) => found.length === 0) ? [] : all.flat();
  }
  if (schema.allOf !== undefined) {
    return misfits(document, joined(document, schema, schema.allOf), { value, at });
  }
  const own = [...typeMisfits(schema, value, at), ...valueMisfits(schema, value, at)];
  if (own.length > 0) return own;
  if (Array.isArray(value)) {
    const { items } = schema;
    const inner = items === undefined
      ? []
      : value.map((one, i) => misfits(document, items, { value: one, at: `${at}[${i}]` }));
    return inner.flat();
  }
  return objectMisfits(document, schema, { value, at });
}

/** One schema out of several for the same object: a name described in any of them is described. */
function joined(document: unknown, { allOf: _, ...own }: Schema, parts: readonly Schema[]): Schema {
  const all = [...parts, own].map((one) =>
    one.$ref === undefined ? one : resolve(document, one.$ref)
  );
  return {
    ...Object.assign({}, ...all),
    properties: Object.assign({}, ...all.map(({ properties }) => properties)),
    required: all.flatMap(({ required = [] }) => required),
  };
}

function objectMisfits(
  document: unknown,
  { properties, required = [], additionalProperties }: Schema,
  { value, at }: { readonly value: unknown; readonly at: string },
): string[] {
  if (typeof value !== "object" || value === null) return [];
  const found = required.filter((name) => !(name in value)).map((name) => `${at}.${name}: missing`);
  for (const [name, inner] of Object.entries(value)) {
    const schema = properties?.[name] ??
      (typeof additionalProperties === "object" ? additionalProperties : undefined);
    if (schema !== undefined) {
      found.push(...misfits(document, schema, { value: inner, at: `${at}.${name}` }));
    } else if (properties !== undefined && !isOpen(additionalProperties)) {
      found.push(`${at}.${name}: not described`);
    }
  }
  return found;
}

/** `{}` lets anything pass. */
function isOpen(additional: boolean | Schema | undefined): boolean {
  return additional === true || typeof additional === "object";
}

function typeMisfits({ type }: Schema, value: unknown, at: string): string[] {
  if (type === undefined) return [];
  const types = typeof type === "string" ? [type] : type;
  const actual = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const fits = types.some((one) =>
    one === actual || (one === "integer" && Number.isInteger(value))
  );
  return fits ? [] : [`${at}: ${actual} is none of ${types}`];
}

function valueMisfits(schema: Schema, value: unknown, at: string): string[] {
  const { enum: options, minimum } = schema;
  if (options !== undefined && !options.includes(value)) return [`${at}: ${value} is no option`];
  if ("const" in schema && schema.const !== value) return [`${at}: ${value} is not the constant`];
  const low = minimum !== undefined && typeof value === "number" && value < minimum;
  return low ? [`${at}: ${value} is below ${minimum}`] : [];
}

function resolve(document: unknown, ref: string): Schema {
  const found = ref.split("/").slice(1).reduce<unknown>(
    (at, key) =>
      typeof at === "object" && at !== null
        ? Object.entries(at).find(([k]) => k === key)?.[1]
        : undefined,
    document,
  );
  if (typeof found !== "object" || found === null) throw new Error(`${ref} leads nowhere`);
  return found;
}
