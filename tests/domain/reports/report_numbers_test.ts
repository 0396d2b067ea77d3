import { deepEqual } from "node:assert/strict";
import { mapNumbers } from "@/domain/reports/report_numbers.ts";

const numbers = (source: string, values: Record<string, unknown>) =>
  mapNumbers({ source, values }, Number);

Deno.test("a report's numbers: decimals at any depth are, what is text by nature never is", () => {
  deepEqual(
    numbers("openvlab", {
      ...{ name: "510050", exp: "202610", product: "1", code: "10001" },
      ...{ expiry_date: "20260916", prior_date: "20260915", last_time: "1" },
      ...{ atmv_current: "46.81", valphaT: "-0.324", price: "0", skew: null, fitted: true },
      theovol_tday: [["5100", null], ["5700", "46.0467"]],
      options: { expiry: "202610", strikes: [{ strike: "80", call: { code: "7", iv: "0.5" } }] },
    }),
    {
      ...{ name: "510050", exp: "202610", product: "1", code: "10001" },
      ...{ expiry_date: "20260916", prior_date: "20260915", last_time: "1" },
      ...{ atmv_current: 46.81, valphaT: -0.324, price: 0, skew: null, fitted: true },
      theovol_tday: [[5100, null], [5700, 46.0467]],
      options: { expiry: "202610", strikes: [{ strike: 80, call: { code: "7", iv: 0.5 } }] },
    },
  );
  deepEqual(
    numbers("jiaoyikecha", { long: [{ broker: "9", grade: "1", position: "12" }] }),
    { long: [{ broker: "9", grade: "1", position: 12 }] },
  );
  deepEqual(numbers("founderfu", { morning_rating: "5" }), { morning_rating: "5" });
  deepEqual(numbers("rongda", { name: "1", spread: "-12", strength: "强" }), {
    ...{ name: "1", spread: -12, strength: "强" },
  });
});

Deno.test("a report's numbers: what is not written as a parser writes decimals is none", () => {
  const values = Object.fromEntries(
    ["", "010", "1e21", "-", "NaN", "+1", ".5", "5.", "0x10", " 1", "1 000", "9".repeat(310)]
      .map((text, at) => [`f${at}`, text]),
  );
  deepEqual(numbers("sina", values), values);
});

Deno.test("a report's numbers: of a source that is gone, what any source holds as text stays text", () => {
  deepEqual(numbers("bloomberg", { exp: "202610", broker: "1", close: "2" }), {
    ...{ exp: "202610", broker: "1", close: 2 },
  });
});
