import { deepEqual, match, throws } from "node:assert/strict";
import { klinePeriod } from "@/domain/kline_period.ts";
import { toRow } from "@/domain/klines/candle.ts";
import type { KlineEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import { candle, utc } from "../support/candles.ts";
import { stateAfter, testDecider } from "../support/given.ts";

type Data<T extends KlineEvent["type"]> = Extract<KlineEvent, { type: T }>["data"];

const START = utc("2024-05-01");
const minute = (n: number) => START + n * 60_000;
const minutes = (from: number, to: number): OpenTimeRange => [minute(from), minute(to)];
const place = { seriesId: "binance.BTC-USDT.1m", period: "2024-05" };
const counts = { ingested: 0, revised: 0, unchanged: 0, heldBetter: 0 };
const blob = (name: string) => ({ sha256: name.repeat(64), sizeBytes: 1000 });

/** Three new candles in the event itself. */
const batch: Data<"KlinesRecorded"> = {
  ...place,
  ...counts,
  source: "exchange",
  from: minute(0),
  to: minute(2) + 1,
  ingested: 3,
  added: [minutes(0, 3)],
  candles: [0, 1, 2].map((n) => toRow(candle({ openTime: minute(n) }))),
  blob: null,
};
const recorded = { type: "KlinesRecorded", data: batch } as const;
const large: Data<"KlinesRecorded"> = {
  ...batch,
  from: minute(10),
  to: minute(1009) + 1,
  ingested: 1000,
  added: [minutes(10, 1010)],
  candles: [],
  blob: blob("b"),
};

const file: Omit<Data<"KlinesArchived">, "replaces"> = {
  ...place,
  ...counts,
  source: "exchange",
  blob: blob("f"),
  rows: 3,
  firstOpenTime: minute(0),
  lastOpenTime: minute(2),
  held: [minutes(0, 3)],
  scale: { price: 2, volume: 6, quote: 8 },
};
const archived = { type: "KlinesArchived", data: { ...file, replaces: null } } as const;

testDecider("RecordKlines", klinePeriod, [
  {
    name: "records new candles",
    given: [],
    when: { type: "RecordKlines", data: batch },
    then: [recorded],
  },
  {
    name: "records a blob with more of them",
    given: [recorded],
    when: { type: "RecordKlines", data: large },
    then: [{ type: "KlinesRecorded", data: large }],
  },
  {
    name: "is silent when nothing is new or revised",
    given: [recorded],
    when: { type: "RecordKlines", data: { ...batch, ingested: 0, unchanged: 3, candles: [] } },
    then: [],
  },
  {
    name: "is silent about the batch that was recorded last",
    given: [recorded],
    when: { type: "RecordKlines", data: batch },
    then: [],
  },
  {
    name: "records the last batch anew once it was deleted",
    given: [recorded, {
      type: "KlinesDeleted",
      data: {
        ...{ ...place, from: minute(0), to: minute(3), rows: 3, reason: "test", keepOut: false },
        ...{ firstOpenTime: null, lastOpenTime: null, held: [], blob: null },
      },
    }],
    when: { type: "RecordKlines", data: batch },
    then: [recorded],
  },
  {
    name: "is silent about the blob that was recorded last",
    given: [{ type: "KlinesRecorded", data: large }],
    when: { type: "RecordKlines", data: large },
    then: [],
  },
  {
    name: "records a candle that goes back to what it was",
    given: [recorded, {
      type: "KlinesRecorded",
      data: { ...batch, ingested: 0, revised: 1, added: [], candles: [] },
    }],
    when: { type: "RecordKlines", data: { ...batch, ingested: 0, revised: 3, added: [] } },
    then: [{ type: "KlinesRecorded", data: { ...batch, ingested: 0, revised: 3, added: [] } }],
  },
  {
    name: "refuses a period that lies in a file",
    given: [archived],
    when: { type: "RecordKlines", data: large },
    then: "conflict",
  },
]);

testDecider("ArchiveKlines", klinePeriod, [
  {
    name: "files a period that was never hot",
    given: [],
    when: { type: "ArchiveKlines", data: { ...file, ingested: 3 } },
    then: [{ type: "KlinesArchived", data: { ...file, ingested: 3, replaces: null } }],
  },
  {
    name: "files the hot rows",
    given: [recorded],
    when: { type: "ArchiveKlines", data: file },
    then: [archived],
  },
  {
    name: "names the file it replaces",
    given: [archived],
    when: { type: "ArchiveKlines", data: { ...file, blob: blob("e"), rows: 5, ingested: 2 } },
    then: [{
      type: "KlinesArchived",
      data: { ...file, blob: blob("e"), rows: 5, ingested: 2, replaces: file.blob.sha256 },
    }],
  },
  {
    name: "is silent about the file it has",
    given: [archived],
    when: { type: "ArchiveKlines", data: { ...file, unchanged: 3 } },
    then: [],
  },
  {
    name: "refuses a file that would lose a candle",
    given: [recorded],
    when: { type: "ArchiveKlines", data: { ...file, rows: 2 } },
    then: "conflict",
  },
  {
    name: "refuses a file that would invent a candle",
    given: [recorded],
    when: { type: "ArchiveKlines", data: { ...file, rows: 4 } },
    then: "conflict",
  },
]);

/** Everything, for good or not. */
const removal: Data<"KlinesDeleted"> = {
  ...place,
  from: minute(0),
  to: minute(3),
  rows: 3,
  reason: "wrong symbol",
  keepOut: false,
  held: [],
  firstOpenTime: null,
  lastOpenTime: null,
  blob: null,
};
const deleted = { type: "KlinesDeleted", data: removal } as const;

testDecider("DeleteKlines", klinePeriod, [
  {
    name: "removes held candles",
    given: [recorded],
    when: { type: "DeleteKlines", data: removal },
    then: [deleted],
  },
  {
    name: "is silent where nothing is held",
    given: [recorded],
    when: {
      type: "DeleteKlines",
      data: { ...removal, from: minute(5), to: minute(9), rows: 0, held: [minutes(0, 3)] },
    },
    then: [],
  },
  {
    name: "is silent about what is gone already",
    given: [recorded, deleted],
    when: { type: "DeleteKlines", data: removal },
    then: [],
  },
  {
    name: "keeps out candles that are not there yet",
    given: [],
    when: { type: "DeleteKlines", data: { ...removal, rows: 0, keepOut: true } },
    then: [{ type: "KlinesDeleted", data: { ...removal, rows: 0, keepOut: true } }],
  },
  {
    name: "keeps out for good what it had only removed",
    given: [recorded, deleted],
    when: { type: "DeleteKlines", data: { ...removal, rows: 0, keepOut: true } },
    then: [{ type: "KlinesDeleted", data: { ...removal, rows: 0, keepOut: true } }],
  },
]);

const absent = { ...place, ranges: [minutes(5, 8)], askedAt: minute(100) };
const foundAbsent = { type: "KlinesFoundAbsent", data: absent } as const;

testDecider("RecordAbsent", klinePeriod, [
  {
    name: "records where the exchange has nothing",
    given: [recorded],
    when: { type: "RecordAbsent", data: absent },
    then: [foundAbsent],
  },
  {
    name: "leaves out what is held",
    given: [recorded],
    when: { type: "RecordAbsent", data: { ...absent, ranges: [minutes(1, 8)] } },
    then: [{ type: "KlinesFoundAbsent", data: { ...absent, ranges: [minutes(3, 8)] } }],
  },
  {
    name: "records a later answer for the same range",
    given: [recorded, foundAbsent],
    when: { type: "RecordAbsent", data: { ...absent, askedAt: minute(2000) } },
    then: [{ type: "KlinesFoundAbsent", data: { ...absent, askedAt: minute(2000) } }],
  },
  {
    name: "is silent about an answer older than the known one",
    given: [recorded, foundAbsent],
    when: { type: "RecordAbsent", data: { ...absent, askedAt: minute(99) } },
    then: [],
  },
  {
    name: "is silent when everything is held",
    given: [archived],
    when: { type: "RecordAbsent", data: { ...absent, ranges: [minutes(0, 2)] } },
    then: [],
  },
]);

Deno.test("klinePeriod knows rows, slots and file after a life of a period", () => {
  const hot = stateAfter(klinePeriod, [foundAbsent, recorded, {
    type: "KlinesRecorded",
    data: large,
  }]);
  deepEqual([hot.rows, hot.hotRows, hot.file], [1003, 1003, null]);
  deepEqual(hot.held, [minutes(0, 3), minutes(10, 1010)]);
  deepEqual(hot.absent, [{ from: minute(5), to: minute(8), asks: 1, askedAt: minute(100) }]);
  const rest = { ...removal, held: [minutes(10, 1010)], keepOut: true, blob: blob("r") };
  const cold = stateAfter(klinePeriod, [recorded, { type: "KlinesRecorded", data: large }, {
    type: "KlinesArchived",
    data: { ...file, rows: 1003, held: hot.held.slice(), replaces: null },
  }, { type: "KlinesDeleted", data: rest }]);
  deepEqual([cold.rows, cold.hotRows, cold.file], [1000, 1000, blob("r")]);
  deepEqual([cold.held, cold.keptOut], [[minutes(10, 1010)], [minutes(0, 3)]]);
});

Deno.test("klinePeriod forgets an absence when candles arrive, in rows or in a file", () => {
  const late = { ...batch, added: [minutes(6, 7)], ingested: 1 };
  const rows = stateAfter(klinePeriod, [foundAbsent, { type: "KlinesRecorded", data: late }]);
  deepEqual(rows.absent.map(({ from, to }) => [from, to]), [minutes(5, 6), minutes(7, 8)]);
  const filed = { ...file, held: [minutes(0, 8)], replaces: null };
  deepEqual(
    stateAfter(klinePeriod, [foundAbsent, { type: "KlinesArchived", data: filed }]).absent,
    [],
  );
});

Deno.test("klinePeriod says which period it cannot file and why", () => {
  const decide = () =>
    klinePeriod.decide({ type: "ArchiveKlines", data: file }, klinePeriod.initial);
  throws(decide, (error) => {
    match(String(error), /Cannot file binance\.BTC-USDT\.1m 2024-05: .* 3 candles, not 0/);
    return true;
  });
});

const dropped = {
  type: "HotRowsDropped",
  data: { ...place, from: minute(0), to: minute(2) + 1, rows: 3 },
} as const;

testDecider("DropHotRows", klinePeriod, [
  {
    name: "lets go of the rows of a filed period, as many as there are",
    given: [recorded, archived],
    when: { type: "DropHotRows", data: { ...dropped.data, rows: 1 } },
    then: [dropped],
  },
  {
    name: "refuses a period that has no file",
    given: [recorded],
    when: { type: "DropHotRows", data: dropped.data },
    then: "conflict",
  },
  {
    name: "refuses where the file holds another number of candles than are rows",
    given: [recorded, { ...archived, data: { ...archived.data, rows: 2 } }],
    when: { type: "DropHotRows", data: dropped.data },
    then: "conflict",
  },
  {
    name: "is silent when a late candle went into the file and took the rows away",
    given: [recorded, archived, {
      type: "KlinesArchived",
      data: { ...archived.data, replaces: "f".repeat(64), rows: 4, ingested: 1 },
    }],
    when: { type: "DropHotRows", data: dropped.data },
    then: [],
  },
]);

const compacted = {
  type: "KlineBatchesCompacted" as const,
  data: {
    ...{ seriesId: place.seriesId, period: place.period, refusedThrough: 9, replaces: null },
    blobs: [{ sha256: "c".repeat(64), sizeBytes: 1 }],
    revisions: { blob: { sha256: "d".repeat(64), sizeBytes: 1 }, rows: 1 },
  },
};
const revised = { ...compacted, data: { ...compacted.data, blobs: [] } };

testDecider("CompactKlines", klinePeriod, [
  {
    name: "keeps the batches that rows may have to be made of",
    given: [recorded, archived],
    when: { type: "CompactKlines", data: compacted.data },
    then: "conflict",
  },
  {
    name: "lets go of them once the rows are dropped",
    given: [recorded, archived, dropped],
    when: { type: "CompactKlines", data: compacted.data },
    then: [compacted],
  },
  {
    name: "records revisions alone beside rows",
    given: [recorded, archived],
    when: { type: "CompactKlines", data: revised.data },
    then: [revised],
  },
  {
    name: "refuses revisions of a period without a file",
    given: [recorded],
    when: { type: "CompactKlines", data: revised.data },
    then: "conflict",
  },
]);
