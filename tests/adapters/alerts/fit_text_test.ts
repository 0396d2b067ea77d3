import assert from "node:assert/strict";
import fc from "fast-check";
import { fitText } from "@/adapters/alerts/fit_text.ts";

const bytes = (text: string) => new TextEncoder().encode(text).length;
const within = (most: number) => (text: string) => bytes(text) <= most;

Deno.test("a text that fits stays as it is", () => {
  assert.equal(fitText("a\nb\n", within(4)), "a\nb\n");
  assert.equal(fitText("", within(0)), "");
});

Deno.test("a text that is too long ends after a line", () => {
  assert.equal(fitText("one\ntwo\nthree\nfour", within(15)), "one\ntwo\n…");
});

Deno.test("a line that is too long is cut where little of it would be left", () => {
  assert.equal(fitText(`one\n${"x".repeat(50)}`, within(20)), `one\n${"x".repeat(12)}\n…`);
});

Deno.test("a character of four bytes is never cut", () => {
  assert.equal(fitText("\u{1F4C8}".repeat(9), within(14)), "\u{1F4C8}\u{1F4C8}\n…");
});

Deno.test("whatever the text, what is left fits, is well formed and begins like it", () => {
  const text = fc.array(fc.string({ unit: "grapheme", maxLength: 30 }), { maxLength: 20 })
    .map((lines) => lines.join("\n").toWellFormed());
  const escaped = (most: number) => (part: string) => bytes(JSON.stringify(part)) <= most;
  fc.assert(fc.property(text, fc.integer({ min: 8, max: 400 }), (text, most) => {
    const left = fitText(text, escaped(most));
    assert.ok(escaped(most)(left), left);
    assert.ok(left.isWellFormed());
    if (left === text) return;
    assert.ok(!escaped(most)(text));
    assert.ok(left.endsWith("\n…"));
    assert.ok(text.startsWith(left.slice(0, -2)));
  }));
});

Deno.test("at most half of the room stays empty, and what is cut is cut late", () => {
  const text = fc.array(fc.string({ minLength: 1, maxLength: 30 }), { minLength: 30 })
    .map((lines) => lines.join("\n"));
  fc.assert(fc.property(text, (text) => {
    const left = fitText(text, (part) => part.length <= 200);
    if (left === text) return;
    assert.ok(left.trimEnd().length >= 90 || /\s{2}/.test(text), `${left.length}`);
  }));
});
