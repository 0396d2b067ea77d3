import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import type { KlineEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import type { Recorded } from "@/events/define.ts";
import { trusted } from "@/events/trust.ts";
import { klinePeriod } from "@/domain/kline_period.ts";
import { fold, type ProjectedRow, touches } from "@/projections/fold.ts";
import { type KlinePeriodRow, klinePeriods, periodKey } from "@/projections/kline_periods.ts";

const MINUTE = 60_000;
const seriesId = "binance.BTC-USDT.1m";
const place = { seriesId, period: "2024-01" };
const key = periodKey(seriesId, place.period);

/** Events lie at positions 10, 20, … */
function log(events: readonly KlineEvent[]): Recorded[] {
  return events.map((event, n): Recorded => ({
    ...trusted<Recorded>(event),
    ...{ position: (n + 1) * 10, stream: "s", version: n + 1, id: String(n), schema: 1 },
    ...{ at: new Date(0), meta: { actor: "job:test", commandId: "c" } },
  }));
}

function rowAfter(...events: readonly KlineEvent[]): KlinePeriodRow | undefined {
  const rows = new Map<string, ProjectedRow>();
  return trusted(fold(klinePeriods, rows, touches(klinePeriods, log(events))).get(key));
}

const minutes = (from: number, to: number): OpenTimeRange => [from * MINUTE, to * MINUTE];

function recorded(
  [from, to]: readonly [number, number],
  { source = "exchange", revised = 0 }: {
    source?: "exchange" | "import" | "api";
    revised?: number;
  } = {},
): KlineEvent {
  const counts = { ingested: to - from - revised, revised, unchanged: 0, heldBetter: 0 };
  const [start] = minutes(from, to);
  return {
    type: "KlinesRecorded",
    data: {
      ...{ ...place, ...counts, source, from: start, to: (to - 1) * MINUTE + 1 },
      ...{ added: [minutes(from + revised, to)], candles: [], blob: null },
    },
  };
}

const blob = (letter: string) => ({ sha256: letter.repeat(64), sizeBytes: 1_000 });

function archived(
  from: number,
  to: number,
  { replaces = null, ingested = 0 }: { replaces?: string | null; ingested?: number } = {},
): KlineEvent {
  return {
    type: "KlinesArchived",
    data: {
      ...{ ...place, source: "import", blob: blob("a"), replaces, rows: to - from },
      ...{ firstOpenTime: from * MINUTE, lastOpenTime: (to - 1) * MINUTE },
      ...{ ingested, revised: 0, unchanged: to - from - ingested, heldBetter: 0 },
      ...{ held: [minutes(from, to)], scale: { price: 2, volume: 5, quote: 7 } },
    },
  };
}

function dropped(from: number, to: number): KlineEvent {
  const range = { from: from * MINUTE, to: (to - 1) * MINUTE + 1 };
  return { type: "HotRowsDropped", data: { ...place, ...range, rows: to - from } };
}

function deleted(
  [from, to]: readonly [number, number],
  left: { rows: number; held: OpenTimeRange[]; keepOut?: boolean; blob?: ReturnType<typeof blob> },
): KlineEvent {
  const [start, end] = minutes(from, to);
  const last = left.held.at(-1)?.[1];
  return {
    type: "KlinesDeleted",
    data: {
      ...{ ...place, from: start, to: end, rows: left.rows, reason: "test", held: left.held },
      ...{ keepOut: left.keepOut ?? false, blob: left.blob ?? null },
      firstOpenTime: left.held[0]?.[0] ?? null,
      lastOpenTime: last === undefined ? null : last - MINUTE,
    },
  };
}

const empty: KlinePeriodRow = {
  ...{ key, ...place, streamVersion: 1, position: 10, candles: 0, hotRows: 0 },
  ...{ firstOpenTime: null, lastOpenTime: null, held: [], absent: [], keptOut: [] },
  ...{ fileSha256: null, fileSizeBytes: null, priceScale: 0, volumeScale: 0, quoteScale: 0 },
  bestSource: 0,
};

const ten: KlinePeriodRow = {
  ...{ ...empty, candles: 10, hotRows: 10, firstOpenTime: 0, lastOpenTime: 9 * MINUTE },
  ...{ held: [minutes(0, 10)], bestSource: 3 },
};

const filed = {
  ...{ fileSha256: blob("a").sha256, fileSizeBytes: 1_000 },
  ...{ priceScale: 2, volumeScale: 5, quoteScale: 7 },
};

const second = { streamVersion: 2, position: 20 };
const third = { streamVersion: 3, position: 30 };

const cases: readonly [string, readonly KlineEvent[], KlinePeriodRow][] = [
  ["counts recorded candles and their slots", [recorded([0, 10])], ten],
  ["joins what comes later, revised candles not counted", [
    recorded([0, 10], { source: "api" }),
    recorded([9, 12], { source: "import", revised: 1 }),
  ], {
    ...{ ...ten, ...second, candles: 12, hotRows: 12, lastOpenTime: 11 * MINUTE },
    ...{ held: [minutes(0, 12)], bestSource: 2 },
  }],
  ["keeps the best of its sources", [
    recorded([0, 5], { source: "exchange" }),
    recorded([5, 10], { source: "api" }),
  ], { ...ten, ...second }],
  ["lies in a file once it is archived", [recorded([0, 10]), archived(0, 10)], {
    ...{ ...ten, ...second, ...filed },
  }],
  ["may be archived at once", [archived(0, 10)], {
    ...{ ...ten, ...filed, hotRows: 0, bestSource: 2 },
  }],
  ["keeps its rows beside the file until they are dropped", [
    recorded([0, 10]),
    archived(0, 10),
    dropped(0, 10),
  ], { ...ten, ...third, ...filed, hotRows: 0 }],
  ["loses rows that a late candle in the file outdates", [
    recorded([0, 10]),
    archived(0, 10),
    archived(0, 11, { replaces: "a".repeat(64), ingested: 1 }),
  ], {
    ...{ ...ten, ...third, ...filed, candles: 11, hotRows: 0, lastOpenTime: 10 * MINUTE },
    held: [minutes(0, 11)],
  }],
  ["keeps them when its file is only written anew", [
    recorded([0, 10]),
    archived(0, 10),
    archived(0, 10, { replaces: "a".repeat(64) }),
  ], { ...ten, ...third, ...filed }],
  ["loses deleted hot rows", [
    recorded([0, 10]),
    deleted([0, 4], { rows: 4, held: [minutes(4, 10)] }),
  ], {
    ...{ ...ten, ...second, candles: 6, hotRows: 6, firstOpenTime: 4 * MINUTE },
    held: [minutes(4, 10)],
  }],
  ["keeps out what was deleted so, ranges joined", [
    recorded([0, 10]),
    deleted([0, 4], { rows: 4, held: [minutes(4, 10)], keepOut: true }),
    deleted([4, 10], { rows: 6, held: [], keepOut: true }),
  ], { ...empty, ...third, keptOut: [minutes(0, 10)] }],
  ["keeps out a range of which it never held a candle", [
    deleted([3, 4], { rows: 0, held: [], keepOut: true }),
  ], { ...empty, keptOut: [minutes(3, 4)] }],
  ["takes the file that a deletion left", [
    archived(0, 10),
    deleted([8, 10], { rows: 2, held: [minutes(0, 8)], blob: blob("b") }),
  ], {
    ...{ ...ten, ...second, ...filed, candles: 8, hotRows: 0, lastOpenTime: 7 * MINUTE },
    ...{ held: [minutes(0, 8)], fileSha256: blob("b").sha256, bestSource: 2 },
  }],
  ["remembers what the exchange does not have until it comes after all", [
    { type: "KlinesFoundAbsent", data: { ...place, ranges: [minutes(0, 4)], askedAt: 7 } },
    recorded([1, 2]),
  ], {
    ...{
      ...empty,
      ...second,
      candles: 1,
      hotRows: 1,
      firstOpenTime: MINUTE,
      lastOpenTime: MINUTE,
    },
    ...{ held: [minutes(1, 2)], bestSource: 3 },
    absent: [
      { from: 0, to: MINUTE, asks: 1, askedAt: 7 },
      { from: 2 * MINUTE, to: 4 * MINUTE, asks: 1, askedAt: 7 },
    ],
  }],
];

for (const [title, events, row] of cases) {
  Deno.test(`kline periods: a period ${title}`, () => {
    deepEqual(rowAfter(...events), row);
  });
}

Deno.test("kline periods: a row agrees with the decider that folds the same stream", () => {
  const range = fc.tuple(fc.nat({ max: 50 }), fc.integer({ min: 1, max: 9 }));
  const event: fc.Arbitrary<KlineEvent> = fc.oneof(
    range.map(([from, slots]) => recorded([from, from + slots])),
    fc.tuple(range, fc.constantFrom(null, "c".repeat(64)), fc.nat({ max: 1 })).map(
      ([[from, slots], replaces, ingested]) => archived(from, from + slots, { replaces, ingested }),
    ),
    range.map(([from, slots]) => dropped(from, from + slots)),
    fc.tuple(range, fc.boolean()).map(([[from, slots], keepOut]) =>
      deleted([from, from + slots], { rows: slots, held: [], keepOut })
    ),
    range.map(([from, slots]): KlineEvent => ({
      type: "KlinesFoundAbsent",
      data: { ...place, ranges: [minutes(from, from + slots)], askedAt: from },
    })),
  );
  fc.assert(fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), (events) => {
    const row = rowAfter(...events);
    const state = events.reduce(klinePeriod.evolve, klinePeriod.initial);
    deepEqual(
      [row?.candles, row?.hotRows, row?.held, row?.absent, row?.keptOut, row?.fileSha256 ?? null],
      [
        state.rows,
        state.hotRows,
        state.held,
        state.absent,
        state.keptOut,
        state.file?.sha256 ?? null,
      ],
    );
  }));
});
