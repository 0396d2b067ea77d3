import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { catalog } from "@/events/catalog/catalog.ts";
import type { Catalog, Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import { blobUses, type BlobUsesRow, type BlobUsingEvent } from "@/projections/blob_uses.ts";
import { arbitraryOf } from "../events/arbitrary_event.ts";

const blob = (letter: string) => ({ sha256: letter.repeat(64), sizeBytes: 10 });
const place = { seriesId: "binance.BTC-USDT.1m", period: "2024-05" };

function at(event: object, position: number, stream = "klines-a"): Recorded<BlobUsingEvent> {
  return trusted<Recorded<BlobUsingEvent>>({
    ...{ ...event, position, stream, version: position, id: "", schema: 1 },
    ...{ meta: { actor: "test", commandId: "" }, at: new Date(position) },
  });
}

const recorded = (letter: string) => ({
  type: "KlinesRecorded",
  data: { ...place, blob: blob(letter) },
});
const compacted = (letter: string, revisions: string | null, replaces: string | null) => ({
  type: "KlineBatchesCompacted",
  data: {
    ...{ ...place, blobs: [blob(letter)] },
    revisions: revisions === null ? null : { blob: blob(revisions), rows: 1 },
    replaces: replaces === null ? null : replaces.repeat(64),
    refusedThrough: null,
  },
});
const deleted = (letter: string) => ({
  type: "BlobsDeleted",
  data: { blobs: [blob(letter)], reason: "compacted" },
});

/** Rows after the events, by the first letter of their names. */
function after(...events: readonly Recorded<BlobUsingEvent>[]): Record<string, BlobUsesRow> {
  const rows = new Map<string, BlobUsesRow | undefined>();
  for (const event of events) {
    for (const key of blobUses.keys(event)) {
      const handler = trusted<
        (row: BlobUsesRow | undefined, event: object, key: string) => BlobUsesRow
      >(blobUses.on[event.type]);
      rows.set(key, handler(rows.get(key), event, key));
    }
  }
  return Object.fromEntries(
    [...rows].flatMap(([key, row]) => row === undefined ? [] : [[key.slice(0, 1), row]]),
  );
}

const stateOf = (
  { users, releasedAt, deletedAt }: BlobUsesRow | { users: string[] } & BlobUsesRow,
) => [users, releasedAt?.getTime() ?? null, deletedAt?.getTime() ?? null] as const;

for (
  const [title, events, letter, expected] of [
    ["a blob that an event names is needed", [at(recorded("a"), 1)], "a", [
      ["klines-a"],
      null,
      null,
    ]],
    [
      "of two streams that need it both must let go",
      [at(recorded("a"), 1), at(recorded("a"), 2, "klines-b"), at(compacted("a", null, null), 3)],
      ...["a", [["klines-b"], null, null]] as const,
    ],
    [
      "nobody needs it when the last has let go",
      [at(recorded("a"), 1), at(recorded("a"), 2), at(compacted("a", null, null), 3)],
      ...["a", [[], 3, null]] as const,
    ],
    [
      "what is said to go and is named again is needed again",
      [
        at(recorded("a"), 1),
        at(compacted("a", null, null), 2),
        at(deleted("a"), 3),
        at(recorded("a"), 4),
      ],
      ...["a", [["klines-a"], null, null]] as const,
    ],
    [
      "revisions replace those before them",
      [at(recorded("a"), 1), at(compacted("a", "r", null), 2), at(compacted("b", "s", "r"), 3)],
      ...["r", [[], 3, null]] as const,
    ],
    [
      "revisions that stay the same are still needed",
      [at(recorded("a"), 1), at(compacted("a", "r", null), 2), at(compacted("b", "r", "r"), 3)],
      ...["r", [["klines-a"], null, null]] as const,
    ],
  ] as const
) {
  Deno.test(`blob uses: ${title}`, () => {
    const row = after(...events)[letter];
    ok(row !== undefined);
    deepEqual(stateOf(row), expected);
  });
}

/** Every blob that an event holds anywhere, by its shape. */
function namesIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = Reflect.get(value, "sha256");
  return [...(typeof own === "string" ? [own] : []), ...Object.values(value).flatMap(namesIn)];
}

for (const [type, schema] of Object.entries(trusted<Catalog>(catalog))) {
  Deno.test(`blob uses: no blob that ${type} names is overlooked`, () => {
    fc.assert(
      fc.property(arbitraryOf(schema), (data) => {
        const names = new Set(namesIn(data));
        if (names.size === 0) return;
        const event = at({ type, data: trusted<object>(data) }, 1);
        const keys = Object.hasOwn(blobUses.on, type) ? blobUses.keys(event) : [];
        deepEqual([...names].filter((name) => !keys.includes(name)), []);
      }),
      { numRuns: 20 },
    );
  });
}
