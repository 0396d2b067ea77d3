import assert from "node:assert/strict";
import { aggregate } from "@/domain/klines/aggregate.ts";
import { type Candle, toRow } from "@/domain/klines/candle.ts";
import { fillGaps } from "@/domain/klines/fill.ts";
import { slotEnd } from "@/domain/klines/interval.ts";
import type { LakeQuery, LakeResult } from "@/domain/ports/lake.ts";

/** What the domain's own functions make of the same candles. */
function expectedOf(candles: readonly Candle[], query: Omit<LakeQuery, "files">) {
  const { stored, interval, from, to, limit, order, keep, fill, partial, completeTo } = query;
  const offsetMs = query.offsetMs ?? 0;
  const inRange = candles.filter((c) => c.openTime >= from && c.openTime < to);
  // Clocks that are ahead show UTC's slots of later candles.
  const later = inRange.map((c) => ({ ...c, openTime: c.openTime + offsetMs }));
  const bars = aggregate(later, {
    ...{ stored, wanted: interval, partial, completeTo: completeTo + offsetMs },
  }).map((bar) => ({ ...bar, openTime: bar.openTime - offsetMs }));
  const all = fill === "previous" ? fillGaps(bars, interval, [0, Infinity]) : bars;
  const kept = keep === "oldest" ? all.slice(0, limit) : all.slice(-limit);
  const rows = kept.map((c) =>
    toRow({ ...c, closeTime: c.closeTime ?? slotEnd(interval, c.openTime, offsetMs) - 1 })
  );
  return { rows: order === "asc" ? rows : rows.reverse(), more: all.length > limit };
}

/** Every value as text, as the formats have it. */
function parsed(bytes: Uint8Array, { format, numbers }: Pick<LakeQuery, "format" | "numbers">) {
  const text = new TextDecoder().decode(bytes);
  if (format === "csv") {
    const lines = text.split("\n").slice(1, -1);
    return lines.map((line) => line.split(",").map((value) => value === "" ? null : value));
  }
  const isText = /"-?\d/.test(text);
  // Numbers may have more digits than JavaScript's have.
  const quoted = text.replaceAll(/(?<![\d".-])-?\d+(?:[.]\d+)?(?![\d".])/g, '"$&"');
  const rows: unknown[] = JSON.parse(quoted);
  assert.equal(isText, rows.length > 0 && numbers === "string");
  return rows.map((row) => Object.values(row ?? {}));
}

/** Throws where a result is not what the domain makes of the candles. */
export function assertReads(
  result: LakeResult,
  candles: readonly Candle[],
  query: Omit<LakeQuery, "files">,
): void {
  const { rows, more } = expectedOf(candles, query);
  assert.deepEqual(
    parsed(result.bytes, query),
    rows.map((row) => row.map((value) => value === null ? null : String(value))),
  );
  const times = rows.map(([openTime]) => openTime);
  assert.deepEqual({ ...result, bytes: undefined }, {
    bytes: undefined,
    rows: rows.length,
    firstOpenTime: times.length === 0 ? undefined : Math.min(...times),
    lastOpenTime: times.length === 0 ? undefined : Math.max(...times),
    more,
  });
}
