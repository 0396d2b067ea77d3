import { byteLength, complaintOf, type Dialect, shortTitle } from "./dialect.ts";

const MAX_CONTENT_BYTES = 4_096;

/** WeCom's group robot: 4,096 bytes of markdown, 20 messages a minute; the key is all it checks. */
export const wecom: Dialect = {
  windows: [{ most: 20, ms: 60_000 }],
  maxMarkdownBytes: 3_600,
  blockedMs: 60_000,

  draft(message, { target }) {
    const content = (markdown: string) => `### ${shortTitle(message)}\n${markdown}`;
    return {
      url: target.url,
      body: (markdown) =>
        JSON.stringify({ msgtype: "markdown", markdown: { content: content(markdown) } }),
      fits: (markdown) => byteLength(content(markdown)) <= MAX_CONTENT_BYTES,
    };
  },

  complaint: (answer) =>
    complaintOf(answer, {
      ...{ codes: ["errcode"], messages: ["errmsg"] },
      ...{ busy: [-1], tooMany: [45_009, 45_033] },
    }),
};
