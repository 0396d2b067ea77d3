import { deepEqual, equal } from "node:assert/strict";
import { partsFailed } from "@/domain/crawlers/failed_parts.ts";
import type { FailedPart } from "@/domain/ports/market_source.ts";
import { SourceError, type SourceFailure } from "@/domain/ports/source_error.ts";

function part(name: string, failure: Partial<SourceFailure> = {}): FailedPart {
  const error = new SourceError(`Cannot crawl sina: it fails`, {
    ...{ source: "sina", op: "GET /", errorClass: "invalid" },
    ...failure,
  });
  return { name, error };
}

Deno.test("failed parts are one failure: of the first by name that is worth another attempt", () => {
  const response = { status: 503, contentType: "a/b", bytes: new Uint8Array(1), truncated: false };
  const error = partsFailed("sina", [
    part("RB0", { errorClass: "network", retryAfterMs: 5 }),
    part("CU0", { errorClass: "server", httpStatus: 503, response, retryAfterMs: 9 }),
    part("AU0", { errorClass: "schema_changed", differences: ["[0].c: expected a number"] }),
  ], { rows: 7, bytes: 70 });
  deepEqual([error.errorClass, error.httpStatus, error.retryable], ["server", 503, true]);
  deepEqual([error.response, error.retryAfterMs], [response, 9], "the longest pause asked for");
  deepEqual(error.differences, ["[0].c: expected a number"]);
  deepEqual(error.stored, { rows: 7, bytes: 70 });
  equal(error.message, "Cannot crawl sina: AU0: it fails; CU0: it fails; RB0: it fails");
});

Deno.test("failed parts that are not worth another attempt are none together", () => {
  const error = partsFailed("sina", [part("B", { hint: "pick another" }), part("A")]);
  deepEqual([error.errorClass, error.retryable, error.retryAfterMs], ["invalid", false, undefined]);
});

Deno.test("failed parts are told three, named twenty and counted beyond", () => {
  const names = Array.from({ length: 22 }, (_, n) => `P${10 + n}`);
  const { message } = partsFailed("sina", names.map((name) => part(name)));
  const also = names.slice(3, 20).join(", ");
  equal(
    message,
    `Cannot crawl sina: P10: it fails; P11: it fails; P12: it fails; also ${also} and 2 more`,
  );
});
