import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { Catalog } from "@/events/define.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import { currentSchema, upcast } from "@/events/store/upcast.ts";
import { trusted } from "@/events/trust.ts";
import { upcasters } from "@/events/upcasters/upcasters.ts";
import { newMeta } from "../contract/event_store_catalog.ts";
import { arbitraryOf } from "./arbitrary_event.ts";

const GOLDEN = new URL("../golden/", import.meta.url);
const schemas: Catalog = catalog;

interface Golden {
  readonly type: string;
  readonly schema: number;
  readonly data: Readonly<Record<string, unknown>>;
}

const goldens: readonly Golden[] = [...Deno.readDirSync(GOLDEN)].map(({ name }) => {
  const [type = "", version = ""] = name.split(".");
  const data = trusted<Golden["data"]>(JSON.parse(Deno.readTextFileSync(new URL(name, GOLDEN))));
  return { type, schema: Number(version.slice(1)), data };
});

for (const type of Object.keys(schemas)) {
  Deno.test(`event ${type} has a golden file of every version it ever had`, () => {
    const versions = goldens.filter((golden) => golden.type === type).map(({ schema }) => schema);
    const all = Array.from({ length: currentSchema(type, upcasters) }, (_, i) => i + 1);
    deepEqual(versions.sort((a, b) => a - b), all, `tests/golden/${type}.v<version>.json`);
  });
}

for (const golden of goldens) {
  const name = `${golden.type}.v${golden.schema}`;

  Deno.test(`golden event ${name} reads as a current one, nothing added and nothing lost`, () => {
    const schema = schemas[golden.type];
    ok(schema, "an event type that was ever written stays in the catalog");
    const current = upcast(golden, upcasters);
    equal(current.schema, currentSchema(golden.type, upcasters));
    deepEqual(schema.parse(current.data), current.data);
  });

  if (golden.schema < currentSchema(golden.type, upcasters)) continue;

  Deno.test(`golden event ${name} shows every field`, () => {
    const shown = Object.entries(golden.data).flatMap(([k, v]) => v === null ? [] : [k]);
    deepEqual(shown.sort(), Object.keys(schemas[golden.type]?.shape ?? {}).sort());
  });
}

for (const [type, schema] of Object.entries(schemas)) {
  Deno.test(`event ${type} comes back from the log as it went in, whatever it holds`, async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryOf(schema), async (value) => {
        const store = new MemoryEventStore({ catalog });
        const data = trusted<Record<string, unknown>>(value);
        await store.append(
          [{ stream: "a", expected: "none", events: [{ type, data }] }],
          newMeta(),
        );
        const { events: [recorded] } = await store.readStream("a");
        deepEqual(recorded?.data, JSON.parse(JSON.stringify(data)));
      }),
      { numRuns: 30 },
    );
  });
}
