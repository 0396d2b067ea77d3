import { parseTime } from "./time.ts";

/**
 * Open time that a refused row names, by the text that was kept of it: its cells with commas between,
 * or its candle as JSON, either of them cut off. Undefined where none can be read.
 */
export function rejectedOpenTime(values: string): number | undefined {
  const [, quoted, bare] = /"openTime":(?:"([^"]*)"|([^",}\s]+))/.exec(values) ?? [];
  const cell = values.startsWith("{") ? quoted ?? bare : values.split(",", 1)[0];
  return cell === undefined || cell.trim() === "" ? undefined : parseTime(cell.trim());
}
