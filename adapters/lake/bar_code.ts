import type { RawColumn, RawColumns } from "./raw_columns.ts";
import { VarintReader, VarintWriter } from "./varints.ts";

/** Columns of KLINE_COLUMNS: prices, then sums, of which those after the volume may lack. */
const [OPEN_TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, CLOSE_TIME] = [0, 1, 2, 3, 4, 5, 6] as const;
const SUMS = [VOLUME, 7, 8, 9, 10] as const;
const COLUMNS = 11;

const LIMIT = 2 ** 50;
const NO_VALUE = 0;
const EMPTY: RawColumn = { numbers: new Float64Array(), wide: undefined };

/**
 * Bars as text that takes little room: slots of `slotMs` since the epoch, then row by row the prices as
 * steps from one another, then column by column the sums. Columns at the end may lack. Undefined of
 * bars that this cannot hold.
 */
export function encodeBars({ count, columns }: RawColumns, slotMs: number): string | undefined {
  const times = numbersOf(columns, OPEN_TIME);
  const prices = [OPEN, HIGH, LOW, CLOSE].map((at) => columns[at]);
  const sums = SUMS.map((at) => columns[at] ?? EMPTY);
  if (!times.every((time) => time >= 0 && time % slotMs === 0)) return undefined;
  if (!prices.every((column) => column?.numbers.every(isSmall))) return undefined;
  if (!sums.every(({ numbers }) => numbers.every((n) => !(n < 0)))) return undefined;
  const out = new VarintWriter();
  out.write(count);
  let slot = 0;
  for (const time of times) {
    out.write(time / slotMs - slot);
    slot = time / slotMs;
  }
  writePrices(out, prices.map((column) => column?.numbers ?? new Float64Array()));
  for (const column of sums) writeSums(out, column);
  return out.bytes().toBase64();
}

/** The columns again. Throws where it is no such text. */
export function decodeBars(text: string, slotMs: number): RawColumns {
  const input = new VarintReader(Uint8Array.fromBase64(text));
  const count = input.readSmall();
  // More than there are bytes cannot be meant.
  if (count > text.length) throw new RangeError("Cannot read bars: there are fewer than told");
  const columns: RawColumn[] = Array.from(
    { length: COLUMNS },
    () => ({ numbers: new Float64Array(count), wide: undefined }),
  );
  const times = numbersOf(columns, OPEN_TIME);
  let slot = 0;
  for (let n = 0; n < count; n++) times[n] = (slot += input.readSmall()) * slotMs;
  readPrices(input, [OPEN, HIGH, LOW, CLOSE].map((at) => numbersOf(columns, at)));
  for (const at of SUMS) columns[at] = readSums(input, count);
  numbersOf(columns, CLOSE_TIME).fill(NaN);
  if (!input.isAtEnd) throw new RangeError("Cannot read bars: there is more than was told");
  return { count, columns };
}

function numbersOf(columns: readonly RawColumn[], at: number): Float64Array {
  return columns[at]?.numbers ?? new Float64Array();
}

/** Also steps between two of them can be written. */
function isSmall(price: number): boolean {
  return Math.abs(price) < LIMIT;
}

function writePrices(out: VarintWriter, prices: readonly Float64Array[]): void {
  const unit = unitOf(prices);
  const [open, high, low, close] = prices.map((column) => column.map((n) => n / unit));
  out.write(unit);
  let before = 0;
  open?.forEach((first, n) => {
    out.writeSigned(first - before);
    for (const column of [high, low, close]) out.writeSigned((column?.[n] ?? 0) - first);
    before = close?.[n] ?? 0;
  });
}

function readPrices(input: VarintReader, prices: readonly Float64Array[]): void {
  const unit = input.readSmall();
  const [open = new Float64Array(), ...others] = prices;
  const close = others.at(-1);
  let before = 0;
  for (let n = 0; n < open.length; n++) {
    const first = before + input.readSigned();
    open[n] = first * unit;
    for (const column of others) column[n] = (first + input.readSigned()) * unit;
    before = (close?.[n] ?? 0) / unit;
  }
}

function writeSums(out: VarintWriter, { numbers, wide }: RawColumn): void {
  const unit = wide === undefined ? unitOf([numbers]) : 1;
  const isEmpty = numbers.every(Number.isNaN);
  out.write(isEmpty ? NO_VALUE : unit);
  if (isEmpty) return;
  numbers.forEach((number, n) => {
    const exact = wide?.[n];
    if (Number.isNaN(number)) out.write(NO_VALUE);
    else out.write(exact === undefined || exact === null ? number / unit + 1 : exact + 1n);
  });
}

function readSums(input: VarintReader, count: number): RawColumn {
  const numbers = new Float64Array(count).fill(NaN);
  const unit = input.readSmall();
  if (unit === NO_VALUE) return { numbers, wide: undefined };
  const wide: (bigint | null)[] = [];
  for (let n = 0; n < count; n++) {
    const value = input.read();
    if (typeof value === "number") {
      if (value !== NO_VALUE) numbers[n] = (value - 1) * unit;
    } else {
      numbers[n] = Number(value - 1n);
      wide[n] = value - 1n;
    }
  }
  return { numbers, wide: wide.length === 0 ? undefined : wide };
}

/** The largest power of ten that divides all: a series declares the decimals of its longest price. */
function unitOf(columns: readonly Float64Array[]): number {
  let unit = 1;
  while (unit < 1e9 && columns.every((column) => column.every((n) => divides(unit * 10, n)))) {
    unit *= 10;
  }
  return unit;
}

function divides(unit: number, value: number): boolean {
  return Number.isNaN(value) || value % unit === 0;
}
