import type { OpenTimeRange } from "@/events/catalog/klines.ts";
import type { AbsentRange } from "./coverage.ts";

/** Candles arrived in `found`, or the exchange was asked for `asked` and had nothing there. */
export type AbsenceChange =
  | { readonly found: readonly OpenTimeRange[] }
  | { readonly asked: readonly OpenTimeRange[]; readonly askedAt: number };

/** What is known to be absent after the change: ascending, disjoint, equal neighbours joined. */
export function addAbsent(
  absent: readonly AbsentRange[],
  change: AbsenceChange,
): readonly AbsentRange[] {
  if (absent.length === 0 && "found" in change) return absent;
  const ranges = "found" in change ? change.found : change.asked;
  const kept = ranges.reduce<readonly AbsentRange[]>(
    (rest, range) => rest.flatMap((piece) => outside(piece, range)),
    absent,
  );
  if ("found" in change) return joined(kept);
  const asked = ranges.flatMap((range) => askAgain(absent, range, change.askedAt));
  return joined([...kept, ...asked].sort((a, b) => a.from - b.from));
}

function askAgain(
  absent: readonly AbsentRange[],
  [from, to]: OpenTimeRange,
  askedAt: number,
): AbsentRange[] {
  const pieces: AbsentRange[] = [];
  let next = from;
  for (const known of absent) {
    if (known.to <= from || known.from >= to) continue;
    const start = Math.max(known.from, from);
    const end = Math.min(known.to, to);
    if (next < start) pieces.push({ from: next, to: start, asks: 1, askedAt });
    pieces.push({ from: start, to: end, asks: known.asks + 1, askedAt });
    next = end;
  }
  if (next < to) pieces.push({ from: next, to, asks: 1, askedAt });
  return pieces;
}

function outside(piece: AbsentRange, [from, to]: OpenTimeRange): AbsentRange[] {
  if (to <= piece.from || from >= piece.to) return [piece];
  const left = piece.from < from ? [{ ...piece, to: from }] : [];
  const right = to < piece.to ? [{ ...piece, from: to }] : [];
  return [...left, ...right];
}

function joined(pieces: readonly AbsentRange[]): AbsentRange[] {
  const result: AbsentRange[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    const same = last?.to === piece.from && last.asks === piece.asks &&
      last.askedAt === piece.askedAt;
    if (last !== undefined && same) result[result.length - 1] = { ...last, to: piece.to };
    else result.push(piece);
  }
  return result;
}
