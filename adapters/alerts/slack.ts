import { byteLength, type Dialect, shortTitle } from "./dialect.ts";

const MAX_BODY_BYTES = 36_000;

/** Slack's incoming webhook and those that speak like it: `{"text"}`, one message a second. */
export const slack: Dialect = {
  windows: [{ most: 1, ms: 1_000 }],
  maxMarkdownBytes: 24_000,
  blockedMs: 60_000,

  draft(message, { target }) {
    const body = (markdown: string) =>
      JSON.stringify({ text: `*${escaped(shortTitle(message))}*\n${mrkdwn(markdown)}` });
    return {
      ...{ url: target.url, body },
      fits: (markdown) => byteLength(body(markdown)) <= MAX_BODY_BYTES,
    };
  },

  complaint({ text, json }) {
    // Those that speak like Slack answer `ok`, `1` or JSON: a page is a proxy's, or a login's.
    if (text.trimStart().startsWith("<")) return { kind: "busy", message: "it answered a page" };
    if (json?.ok !== false && json?.success !== false) return undefined;
    return { kind: "unwanted", message: `it answered ${String(json.error ?? "that it failed")}` };
  },
};

/** Markdown's bold, links and headings as Slack writes them. */
function mrkdwn(markdown: string): string {
  return escaped(markdown)
    .replaceAll(/\[([^\]\n]*)\]\(([^()\s]*)\)/g, "<$2|$1>")
    .replaceAll(/^#{1,6} +(.*)$/gm, "*$1*")
    .replaceAll(/\*\*([^*\n]+)\*\*/g, "*$1*")
    .replaceAll(/^- /gm, "• ");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
