import { deepEqual } from "node:assert/strict";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { mapNumbers } from "@/domain/reports/report_numbers.ts";
import { openSites, sourceOf } from "@/tests/support/open_sites.ts";
import { smallSamples } from "@/tests/support/source_samples.ts";

/** Names of the fields that hold text, wherever they are nested. */
function textFields(values: Readonly<Record<string, unknown>>): string[] {
  const within = (name: string, value: unknown): string[] => {
    if (typeof value === "string") return [name];
    if (Array.isArray(value)) return value.flatMap((one) => within(name, one));
    return typeof value !== "object" || value === null
      ? []
      : Object.entries(value).flatMap(([inner, one]) => within(inner, one));
  };
  return Object.entries(values).flatMap(([name, value]) => within(name, value));
}

const TEXT: readonly (readonly [SourceName, readonly string[]])[] = [
  ["hzzhqx", ["main_sentiment", "more_port", "name", "sector"]],
  ["jiaoyikecha", ["broker", "grade", "name"]],
  ["openvlab", [
    ...["code", "exchange_name", "exp", "expiry", "expiry_date", "last_time"],
    ...["name", "prior_date", "product", "sector", "sector_alias", "updated_at"],
  ]],
  ["founderfu", [
    ...["morning_direction", "morning_rating", "name"],
    ...["night_direction", "night_rating", "sector"],
  ]],
  ["sina", []],
];

for (const [name, expected] of TEXT) {
  Deno.test(`${name}: its reports hold text in the fields that are text by nature, numbers in all others`, async () => {
    const request = { date: "2026-09-08", signal: new AbortController().signal };
    const { rows } = await sourceOf(openSites({ samples: smallSamples() }), name).fetch(request);
    const text = rows.flatMap((row) => textFields(mapNumbers(row, Number)));
    deepEqual([...new Set(text)].toSorted(), expected);
  });
}
