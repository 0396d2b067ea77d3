const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #0a7a6a; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { margin-bottom: 0; } h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; } summary code { font-weight: 600; }
.method { display: inline-block; min-width: 4.5em; color: var(--accent); font-weight: 700; }
.lock { float: right; opacity: .7; font-size: .85em; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
  padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--soft); }
main > p { white-space: pre-line; }
pre { background: var(--soft); border-radius: 6px; overflow: auto; padding: .6rem; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
.simulated { background: #b58900; color: #000; padding: .3rem .6rem; border-radius: 6px; }
`;

/** Text goes in by textContent alone: nothing of the document becomes markup. */
const SCRIPT = `
const $ = (tag, text, ...inner) => {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...inner);
  return node;
};
const named = (node, name) => (node.className = name, node);
const deref = (doc, s) => s && s.$ref
  ? s.$ref.split("/").slice(1).reduce((at, key) => at[key], doc) : s || {};
const joined = (doc, s) => (s.allOf || []).map((part) => joined(doc, deref(doc, part))).reduce((a, b) => ({
  ...a, ...b, properties: { ...a.properties, ...b.properties }, required: [...a.required || [], ...b.required || []],
}), s);
const typeOf = (s) => [].concat(s.enum ? s.enum.join(" | ") : s.const ?? s.type ?? "any").join(" | ");
function shape(doc, schema, depth = 0) {
  const s = joined(doc, deref(doc, schema));
  if (depth > 6) return "…";
  const pad = "  ".repeat(depth + 1);
  if (s.anyOf || s.oneOf) return [...new Set((s.anyOf || s.oneOf).map((x) => shape(doc, x, depth)))].join(" | ");
  if (s.properties) {
    const lines = Object.entries(s.properties).map(([name, inner]) =>
      pad + name + (s.required && s.required.includes(name) ? "" : "?") + ": " + shape(doc, inner, depth + 1) +
      (deref(doc, inner).description ? "   // " + deref(doc, inner).description : ""));
    return "{\\n" + lines.join("\\n") + "\\n" + "  ".repeat(depth) + "}";
  }
  if (s.type === "array") return shape(doc, s.items, depth) + "[]";
  return typeOf(s);
}
function content(doc, title, what) {
  const box = $("div");
  for (const [type, { schema }] of Object.entries((what && what.content) || {})) {
    box.append($("p", title + " " + type), $("pre", shape(doc, schema)));
  }
  return box;
}
function operation(doc, path, method, op) {
  const summary = $("summary", "", named($("span", method.toUpperCase()), "method"), $("code", path),
    " ", $("span", op.summary));
  const open = !op.security || op.security.some((s) => Object.keys(s).length === 0);
  if (!open) summary.append(named($("span", "token"), "lock"));
  const box = $("details", "", summary);
  if (op.description) box.append($("p", op.description));
  const rows = (op.parameters || []).map((p) => $("tr", "", $("td", "", $("code", p.name)), $("td", p.in),
    $("td", typeOf(p.schema) + (p.required ? "" : " (optional)") +
      (p.schema.default === undefined ? "" : " = " + p.schema.default)),
    $("td", p.description || p.schema.description || "")));
  if (rows.length) box.append($("table", "", $("tbody", "", ...rows)));
  box.append(content(doc, "Body:", op.requestBody));
  for (const [status, answer] of Object.entries(op.responses)) {
    if (status >= 400) box.append($("p", status + " " + answer.description));
    else if (status !== "default") box.append($("p", status + " " + answer.description), content(doc, "Answer:", answer));
  }
  return box;
}
const main = document.querySelector("main");
try {
  const doc = await (await fetch("openapi.json")).json();
  main.replaceChildren($("h1", doc.info.title + " " + doc.info.version), $("p", doc.info.description));
  const groups = new Map();
  for (const [path, item] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(item)) {
      const tag = (op.tags || ["Other"])[0];
      groups.set(tag, [...(groups.get(tag) || []), operation(doc, path, method, op)]);
    }
  }
  for (const [tag, boxes] of groups) main.append($("h2", tag), ...boxes);
} catch (error) {
  main.replaceChildren($("p", "Cannot show openapi.json: " + error.message));
}
`;

/** The parts of the page that its Content-Security-Policy names by their hashes. */
export const DOCS_INLINE = { style: STYLE, script: SCRIPT } as const;

/** A page that shows `/openapi.json`; it loads nothing from anywhere else. */
export function docsPage({ simulated }: { readonly simulated: boolean }): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chandlery API</title>
<style>${STYLE}</style>
${simulated ? SIMULATED : ""}<main><p>Loading…</p></main>
<noscript>This page needs JavaScript; the document itself is <a href="openapi.json">openapi.json</a>.</noscript>
<script type="module">${SCRIPT}</script>
</html>
`;
}

const SIMULATED =
  `<p class="simulated">This installation shows SIMULATED candles, made up for a demo.</p>\n`;
