import { equal } from "node:assert/strict";
import { rejectedOpenTime } from "@/domain/klines/rejected_rows.ts";

const JAN = Date.UTC(2024, 0, 1);

const CASES: readonly [string, string, number | undefined][] = [
  ["cells", `${JAN},1,2,3`, JAN],
  ["cells in seconds", `${JAN / 1000},1,x`, JAN],
  ["cells with a date", "2024-01-01 00:00,,,", JAN],
  ["spaces around a time", ` ${JAN} ,1`, JAN],
  ["a candle", `{"openTime":${JAN},"open":"x"}`, JAN],
  ["a candle with text for a time", `{"open":"1","openTime":"2024-01-01"}`, JAN],
  ["a candle that was cut off", `{"openTime":${JAN},"open":"1`, JAN],
  ["a candle without a time", `{"openTime":null,"open":"1"}`, undefined],
  ["no time", "yesterday,1,2", undefined],
  ["an empty cell", ",1,2", undefined],
  ["nothing", "", undefined],
];

Deno.test("the open time of a refused row is read from what was kept of it", () => {
  for (const [title, values, time] of CASES) equal(rejectedOpenTime(values), time, title);
});
