import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { Markup, markup } from "@/routes/markup.ts";

Deno.test("markup: text that is put in stays text, in quotes, too", () => {
  const nasty = `<b>&"x" 'y'`;
  equal(
    markup`<p title="${nasty}">${nasty}</p>`.text,
    '<p title="&lt;b&gt;&amp;&quot;x&quot; &#39;y&#39;">&lt;b&gt;&amp;&quot;x&quot; &#39;y&#39;</p>',
  );
});

Deno.test("markup: markup that is put in stays as it is, also many pieces of it", () => {
  const items = ["<a>", "b"].map((text) => markup`<li>${text}</li>`);
  equal(markup`<ul>${items}</ul>`.text, "<ul><li>&lt;a&gt;</li><li>b</li></ul>");
  equal(markup`${new Markup("<hr>")}`.text, "<hr>");
});

Deno.test("markup: what is not there is nothing, 0 is 0", () => {
  equal(markup`[${null}${undefined}${0}${[]}]`.text, "[0]");
});

Deno.test("markup: no text opens a tag or leaves its quotes, and it can be read back", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const { text: made } = markup`${text}`;
    ok(!/[<>"']/.test(made));
    const read = made.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
      .replaceAll("&#39;", "'").replaceAll("&amp;", "&");
    equal(read, text);
  }));
});
