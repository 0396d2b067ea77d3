import { deepEqual, throws } from "node:assert/strict";
import { createPlaces } from "@/routes/places.ts";

Deno.test("places are given until all are taken, or one caller has too many", () => {
  const places = createPlaces({ total: 3, perCaller: 2 });
  const leave = places.take("a");
  places.take("a");
  throws(() => places.take("a"), { code: "rate_limited" });
  places.take("b");
  throws(() => places.take("b"), { code: "unavailable" });
  leave();
  deepEqual(typeof places.take("b"), "function");
});

Deno.test("places: one that is given back twice is free once", () => {
  const places = createPlaces({ total: 2, perCaller: 2 });
  const leave = places.take("a");
  places.take("a");
  leave();
  leave();
  places.take("a");
  throws(() => places.take("a"), { code: "unavailable" });
});
