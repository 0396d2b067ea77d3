import assert from "node:assert/strict";
import fc from "fast-check";
import { INTERVALS, slotStart } from "@/domain/klines/interval.ts";
import { irregularTimes } from "@/projections/irregular_times.ts";
import { utc } from "@/tests/support/candles.ts";

const encoder = new TextEncoder();
const FROM = utc("2017-12-04");

Deno.test("irregularTimes() finds in the JSON of rows what the rows themselves tell", () => {
  const openTimes = fc.uniqueArray(fc.oneof(
    fc.integer({ min: 0, max: 10_000 }).map((n) => FROM + n * 60_000),
    fc.integer({ min: FROM, max: FROM + 86_400_000 }),
  ));
  fc.assert(fc.property(fc.constantFrom(...INTERVALS), openTimes, (interval, times) => {
    const wanted = times.filter((t) => slotStart(interval, t) !== t);
    const rows = {
      arrays: times.map((t) => [t, 1.5, "2.25", null, t + 1]),
      objects: times.map((t) => ({ open_time: t, open: 1.5, close: "2.25", close_time: t + 1 })),
    };
    for (const format of ["arrays", "objects"] as const) {
      const bytes = encoder.encode(JSON.stringify(rows[format]));
      const found = irregularTimes({ stored: interval, interval, format }, {
        ...{ bytes, rows: times.length },
      });
      assert.deepEqual(found ?? [], wanted);
    }
  }));
});

Deno.test("irregularTimes() leaves larger bars and files alone", () => {
  const bytes = encoder.encode(`[[${FROM + 1},1,1,1,1,1]]`);
  const of = (interval: "1m" | "1h", format: "arrays" | "csv") =>
    irregularTimes({ stored: "1m", interval, format }, { bytes, rows: 1 });
  assert.deepEqual(of("1m", "arrays"), [FROM + 1]);
  assert.equal(of("1h", "arrays"), undefined);
  assert.equal(of("1m", "csv"), undefined);
});
