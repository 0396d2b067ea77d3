import { deepEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { isCutOff, parseExactJson } from "@/adapters/sources/exact_json.ts";
import { plainDecimal } from "@/adapters/sources/market_numbers.ts";
import { parseSinaDaily } from "@/adapters/sources/sina_parse.ts";
import { sourceReply } from "@/adapters/sources/source_reply.ts";
import { SourceError } from "@/domain/ports/source_error.ts";

const containers = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()));

Deno.test("exact JSON: is what JSON.parse makes of every value that a double holds", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = JSON.stringify(value);
    deepEqual(parseExactJson(text), JSON.parse(text));
  }));
});

Deno.test("exact JSON: a number that a double would change stays the text it was", () => {
  const text = '{"a":0.0037627561992121805,"b":[123456789012345678901,10.50,1e2,-0.0,1e400]}';
  deepEqual(parseExactJson(text), {
    a: "0.0037627561992121805",
    b: ["123456789012345678901", 10.5, 100, -0, "1e400"],
  });
});

Deno.test("exact JSON: what is no JSON is refused", () => {
  for (const text of ["", "{", "NaN", "[1,]", "<html>"]) {
    throws(() => parseExactJson(text), SyntaxError);
  }
});

Deno.test("cut-off JSON: is told for every beginning of an object or a list, and for no whole one", () => {
  fc.assert(fc.property(containers, fc.double({ min: 0, max: 1, noNaN: true }), (value, at) => {
    const text = JSON.stringify(value);
    equal(isCutOff(text), false);
    const cut = text.slice(0, 1 + Math.floor(at * (text.length - 2)));
    equal(isCutOff(cut), true, cut);
  }));
});

Deno.test("cut-off JSON: other text is none", () => {
  for (const text of ["", "<html>{", "error", "12", '"abc']) equal(isCutOff(text), false, text);
  equal(isCutOff('  [{"a":"]}'), true);
});

Deno.test("exact JSON: an endless number, number text or script is read or refused without delay", () => {
  const digits = "0".repeat(1_000_000);
  const started = performance.now();
  equal(parseExactJson(`1${digits}1`), `1${digits}1`);
  equal(parseExactJson(`0.${digits}1`), `0.${digits}1`);
  for (const text of [`${digits}x`, `1${digits}`, `1.${digits}x`, "-".repeat(1_000_000)]) {
    equal(plainDecimal(text), undefined);
  }
  for (const text of [" ".repeat(1_000_000), "a ".repeat(500_000), `(${") ".repeat(500_000)}`]) {
    const reply = sourceReply({
      ...{ source: "sina", op: "GET /", status: 200, contentType: "text/plain", secrets: [] },
      bytes: new TextEncoder().encode(text),
    });
    throws(() => parseSinaDaily(reply, "RB0"), SourceError);
  }
  // Milliseconds; a search that tries every beginning with every end takes minutes.
  ok(performance.now() - started < 30_000);
});
