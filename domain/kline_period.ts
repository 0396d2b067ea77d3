import type { KlineEvent, OpenTimeRange } from "@/events/catalog/klines.ts";
import { type Decider, Refusal } from "./decider.ts";
import { addAbsent } from "./klines/absent.ts";
import {
  type AbsentRange,
  addRanges,
  clipRanges,
  mergeRanges,
  subtractRanges,
} from "./klines/coverage.ts";

type Data<T extends KlineEvent["type"]> = Extract<KlineEvent, { type: T }>["data"];

export type KlinePeriodCommand =
  | { readonly type: "RecordKlines"; readonly data: Data<"KlinesRecorded"> }
  | { readonly type: "ArchiveKlines"; readonly data: Omit<Data<"KlinesArchived">, "replaces"> }
  | { readonly type: "DropHotRows"; readonly data: Data<"HotRowsDropped"> }
  | { readonly type: "CompactKlines"; readonly data: Data<"KlineBatchesCompacted"> }
  | { readonly type: "DeleteKlines"; readonly data: Data<"KlinesDeleted"> }
  | { readonly type: "RecordAbsent"; readonly data: Data<"KlinesFoundAbsent"> };

export interface KlinePeriod {
  /** Where its candles lie once it is archived. */
  readonly file: Data<"KlinesArchived">["blob"] | null;
  /** All candles held, in the file or as hot rows. */
  readonly rows: number;
  /** Those that are rows of the database, in a file or not: all or none of a filed period. */
  readonly hotRows: number;
  readonly held: readonly OpenTimeRange[];
  readonly absent: readonly AbsentRange[];
  readonly keptOut: readonly OpenTimeRange[];
  /** The newest batch, to tell a repeat. */
  readonly lastBatch: Pick<Data<"KlinesRecorded">, "candles" | "blob"> | null;
  /** The same of what was let go of, or kept as revisions. */
  readonly lastCompaction: Data<"KlineBatchesCompacted"> | null;
}

/** One period of a series. Stream `klines-<seriesId>-<period>`. */
export const klinePeriod: Decider<KlinePeriodCommand, KlineEvent, KlinePeriod> = {
  initial: {
    file: null,
    rows: 0,
    hotRows: 0,
    held: [],
    absent: [],
    keptOut: [],
    lastBatch: null,
    lastCompaction: null,
  },

  decide({ type, data }, state) {
    switch (type) {
      case "RecordKlines":
        return record(data, state);
      case "ArchiveKlines":
        return archive(data, state);
      case "DropHotRows":
        return dropRows(data, state);
      case "CompactKlines":
        return isEqual(data, state.lastCompaction) ? [] : compact(data, state);
      case "DeleteKlines":
        return deletes(data, state) ? [{ type: "KlinesDeleted", data }] : [];
      case "RecordAbsent": {
        const known = state.absent.filter(({ askedAt }) => askedAt >= data.askedAt);
        const ranges = subtractRanges(data.ranges, [
          ...state.held,
          ...known.map(({ from, to }): OpenTimeRange => [from, to]),
        ]);
        return ranges.length === 0
          ? []
          : [{ type: "KlinesFoundAbsent", data: { ...data, ranges } }];
      }
    }
  },

  evolve(state, { type, data }) {
    switch (type) {
      case "KlinesRecorded":
        return {
          ...state,
          rows: state.rows + data.ingested,
          hotRows: state.hotRows + data.ingested,
          held: addRanges(state.held, data.added),
          absent: addAbsent(state.absent, { found: data.added }),
          lastBatch: { candles: data.candles, blob: data.blob },
        };
      case "KlinesArchived":
        return {
          ...state,
          file: data.blob,
          rows: data.rows,
          hotRows: outdatesRows(data) ? 0 : state.hotRows,
          held: data.held,
          absent: addAbsent(state.absent, { found: data.held }),
          lastBatch: null,
        };
      case "KlineBatchesCompacted":
        return { ...state, lastCompaction: data };
      case "HotRowsDropped":
        return { ...state, hotRows: 0 };
      case "KlinesDeleted":
        return {
          ...state,
          file: data.blob,
          rows: state.rows - data.rows,
          hotRows: state.hotRows === 0 ? 0 : state.hotRows - data.rows,
          held: data.held,
          keptOut: data.keepOut
            ? mergeRanges([...state.keptOut, [data.from, data.to]])
            : state.keptOut,
          lastBatch: null,
        };
      case "KlinesFoundAbsent":
        return {
          ...state,
          absent: addAbsent(state.absent, { asked: data.ranges, askedAt: data.askedAt }),
        };
    }
  },
};

function record(data: Data<"KlinesRecorded">, state: KlinePeriod): KlineEvent[] {
  if (state.file !== null) {
    throw new Refusal("conflict", `Cannot add rows to ${place(data)}: it lies in a file`);
  }
  if (data.ingested + data.revised === 0 || isLastBatch(data, state)) return [];
  return [{ type: "KlinesRecorded", data }];
}

/** A file that holds another number of candles than are held and come in would lose or invent some. */
function archive(
  data: Omit<Data<"KlinesArchived">, "replaces">,
  { file, rows }: KlinePeriod,
): KlineEvent[] {
  if (file?.sha256 === data.blob.sha256) return [];
  const expected = rows + data.ingested;
  if (data.rows !== expected) {
    throw new Refusal(
      "conflict",
      `Cannot file ${place(data)}: the file holds ${data.rows} candles, not ${expected}`,
    );
  }
  return [{ type: "KlinesArchived", data: { ...data, replaces: file?.sha256 ?? null } }];
}

/** Only a file that holds as many candles makes rows superfluous. */
function dropRows(
  data: Data<"HotRowsDropped">,
  { file, rows, hotRows }: KlinePeriod,
): KlineEvent[] {
  if (hotRows === 0) return [];
  if (file === null || rows !== hotRows) {
    const held = file === null ? "no file" : `${rows} candles in its file and ${hotRows} rows`;
    throw new Refusal("conflict", `Cannot drop the rows of ${place(data)}: it has ${held}`);
  }
  return [{ type: "HotRowsDropped", data: { ...data, rows: hotRows } }];
}

/** Rows are made anew out of batches: they must be gone before their batches go, not for revisions. */
function compact(
  data: Data<"KlineBatchesCompacted">,
  { file, hotRows }: KlinePeriod,
): KlineEvent[] {
  const hasBlobs = data.blobs.length > 0;
  if (
    file === null || hasBlobs && hotRows > 0 ||
    data.blobs.some(({ sha256 }) => sha256 === file.sha256)
  ) {
    const why = file === null ? "it has no file" : "its file or its rows need them";
    throw new Refusal("conflict", `Cannot let go of the batches of ${place(data)}: ${why}`);
  }
  return [{ type: "KlineBatchesCompacted", data }];
}

/** A file with candles that the rows do not have: late ones for a period that was filed before. */
export function outdatesRows(
  { replaces, ingested, revised }: Pick<
    Data<"KlinesArchived">,
    "replaces" | "ingested" | "revised"
  >,
): boolean {
  return replaces !== null && ingested + revised > 0;
}

function deletes({ from, to, rows, keepOut }: Data<"KlinesDeleted">, state: KlinePeriod): boolean {
  const removes = rows > 0 && clipRanges(state.held, [from, to]).length > 0;
  return removes || (keepOut && subtractRanges([[from, to]], state.keptOut).length > 0);
}

function isLastBatch(
  { candles, blob }: Data<"KlinesRecorded">,
  { lastBatch }: KlinePeriod,
): boolean {
  if (lastBatch === null) return false;
  return isEqual([candles, blob], [lastBatch.candles, lastBatch.blob]);
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function place({ seriesId, period }: { seriesId: string; period: string }): string {
  return `${seriesId} ${period}`;
}
