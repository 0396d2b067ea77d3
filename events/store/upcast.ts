/** Turns the data of version n of an event type into that of version n + 1. Pure. */
export type Upcaster = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/** By event type, oldest first: the first one turns version 1 into version 2. */
export type Upcasters = Readonly<Record<string, readonly Upcaster[]>>;

/** Version that new events of a type are written in. */
export function currentSchema(type: string, upcasters: Upcasters): number {
  return 1 + (upcasters[type]?.length ?? 0);
}

/** The event in its current version. */
export function upcast(
  event: {
    readonly type: string;
    readonly schema: number;
    readonly data: Readonly<Record<string, unknown>>;
  },
  upcasters: Upcasters,
): { readonly schema: number; readonly data: Readonly<Record<string, unknown>> } {
  const steps = upcasters[event.type];
  if (steps === undefined || steps.length < event.schema) return event;
  const data = steps.slice(event.schema - 1).reduce((value, step) => step(value), event.data);
  return { schema: steps.length + 1, data };
}
