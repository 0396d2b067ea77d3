import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { currentSchema, upcast, type Upcasters } from "@/events/store/upcast.ts";

const upcasters: Upcasters = {
  Moved: [
    ({ to }) => ({ place: to }),
    ({ place }) => ({ place: { name: place } }),
    (data) => ({ ...data, by: null }),
  ],
};

Deno.test("upcast leads each old version to the current one", () => {
  const versions = [
    { to: "Rome" },
    { place: "Rome" },
    { place: { name: "Rome" } },
    { place: { name: "Rome" }, by: null },
  ];
  for (const [i, data] of versions.entries()) {
    const current = upcast({ type: "Moved", schema: i + 1, data }, upcasters);
    deepEqual([current.schema, current.data], [4, versions[3]]);
  }
  equal(currentSchema("Moved", upcasters), 4);
});

Deno.test("upcast leaves events without upcasters as they are", () => {
  const event = { type: "Other", schema: 1, data: { a: 1 } };
  const { schema, data } = upcast(event, upcasters);
  deepEqual({ schema, data }, { schema: 1, data: { a: 1 } });
  equal(currentSchema("Other", upcasters), 1);
});

Deno.test("upcast leaves an event of a newer program as it is", () => {
  const event = { type: "Moved", schema: 5, data: { place: 7 } };
  deepEqual(upcast(event, upcasters).data, { place: 7 });
});

Deno.test("upcast step by step gives what it gives at once, and never changes its input", () => {
  const steps = Array.from({ length: 6 }, (_, i) => (data: Readonly<Record<string, unknown>>) => ({
    ...data,
    trace: `${data.trace ?? ""}${i}`,
  }));
  fc.assert(fc.property(fc.nat({ max: 6 }), fc.nat({ max: 6 }), fc.string(), (a, b, text) => {
    const [from, middle] = [Math.min(a, b), Math.max(a, b)];
    const input = Object.freeze({ text });
    const whole = upcast({ type: "T", schema: from + 1, data: input }, { T: steps });
    const half = upcast({ type: "T", schema: from + 1, data: input }, {
      T: steps.slice(0, middle),
    });
    const rest = upcast({ type: "T", schema: middle + 1, data: half.data }, { T: steps });
    deepEqual(rest.data, whole.data);
    deepEqual(input, { text });
  }));
});
