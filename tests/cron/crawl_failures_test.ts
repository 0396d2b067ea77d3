import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  type FailedSeries,
  reportUnlessFailed,
  SeriesCrawlsFailed,
} from "@/cron/crawl_failures.ts";
import { failureOf } from "@/domain/crawlers/failure.ts";
import { Refusal } from "@/domain/decider.ts";
import { parseSeries } from "@/domain/klines/series_ref.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { DatabaseError } from "@/events/store/database.ts";

function venueError(message: string, retryAfterMs?: number, retryable = true): AdapterError {
  return new AdapterError(message, { port: "exchange", op: "test", retryable, retryAfterMs });
}

const down = venueError("Cannot ask okx: it cannot be reached");
const limited = venueError("Cannot ask binance: HTTP 429", 30_000);
const banned = venueError("Cannot ask binance: HTTP 418", 90_000);
const unknown = new Refusal("not_found", "Cannot find symbol X/USDT at okx");

function failing(...errors: readonly unknown[]): FailedSeries[] {
  return errors.map((error, n) => ({ series: parseSeries(`okx:C${n}/USDT:1m`), error }));
}

function thrown(failures: readonly FailedSeries[], leftOut: readonly FailedSeries[] = []) {
  return new SeriesCrawlsFailed({ series: 12, failures, leftOut, report: { rows: 7 } });
}

Deno.test("reportUnlessFailed() gives the report of a run in which nothing failed", () => {
  const report = { rows: 7 };
  equal(reportUnlessFailed({ series: 2, failures: [], leftOut: [], report }), report);
  const one = { series: 2, failures: failing(down), leftOut: [], report };
  throws(() => reportUnlessFailed(one), (error) => {
    ok(error instanceof SeriesCrawlsFailed);
    equal(error.report, report);
    return error.cause === down;
  });
});

const MEANINGS: readonly [
  name: string,
  errors: readonly unknown[],
  then: [errorClass: string, httpStatus: number | null, retryable: boolean, retryAfterMs?: number],
][] = [
  ["a venue cannot be reached", [down], ["NetworkError", null, true]],
  ["most are limited, by how long it asks to wait at most", [down, banned, limited], [
    ...["RateLimited", 418, true, 90_000] as const,
  ]],
  ["one is worth another attempt and many are not", [unknown, unknown, down], [
    ...["NetworkError", null, true] as const,
  ]],
  ["none is worth another attempt", [unknown, unknown, new Error("a bug")], [
    ...["Refused", null, false] as const,
  ]],
  ["the database says that trying again is no use", [
    new DatabaseError("broken", { sqlstate: "22001" }),
  ], ["InternalError", null, false]],
];

for (const [name, errors, [errorClass, httpStatus, retryable, retryAfterMs]] of MEANINGS) {
  Deno.test(`failed crawls of a run are told as one failure when ${name}`, () => {
    const failure = failureOf(thrown(failing(...errors)));
    const { message: _, ...meaning } = failure;
    deepEqual(meaning, { errorClass, httpStatus, retryable, retryAfterMs });
  });
}

Deno.test("failed crawls of a run: the message counts all and names the first, in one order", () => {
  const failures = failing(down, unknown, down, down, limited);
  const { message } = thrown(failures);
  equal(
    message,
    "Cannot crawl 5 of 12 series: okx:C0/USDT:1m (Cannot ask okx: it cannot be reached); " +
      "okx:C1/USDT:1m (Cannot find symbol X/USDT at okx); " +
      "okx:C2/USDT:1m (Cannot ask okx: it cannot be reached); and 2 more",
  );
  equal(thrown(failures.toReversed()).message, message);
});

Deno.test("failed crawls of a run: venues that are left out are named once, and give the meaning if nothing else failed", () => {
  const leftOut = failing(banned, banned);
  const both = thrown(failing(down), leftOut);
  equal(
    both.message,
    "Cannot crawl 1 of 12 series: okx:C0/USDT:1m (Cannot ask okx: it cannot be reached). " +
      "2 of 12 series left out, their venue fails over and over: okx (Cannot ask binance: HTTP 418)",
  );
  equal(both.errorClass, "NetworkError");
  const alone = thrown([], leftOut);
  equal(alone.message.startsWith("2 of 12 series left out"), true);
  deepEqual([alone.errorClass, failureOf(alone).retryable], ["RateLimited", true]);
});
