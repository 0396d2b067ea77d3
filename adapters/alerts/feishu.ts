import { createHmac } from "node:crypto";
import { byteLength, complaintOf, type Dialect, shortTitle } from "./dialect.ts";

const MAX_BODY_BYTES = 20_000;

/** Feishu's and Lark's custom bot: signed in the body, 100 messages a minute and 5 a second, 20 KB. */
export const feishu: Dialect = {
  windows: [{ most: 100, ms: 60_000 }, { most: 5, ms: 1_000 }],
  maxMarkdownBytes: 16_000,
  blockedMs: 60_000,

  draft(message, { target, at }) {
    const signature = target.secret === undefined ? {} : signed(target.secret, at);
    const title = { tag: "plain_text", content: shortTitle(message) };
    const body = (content: string) =>
      JSON.stringify({
        ...signature,
        msg_type: "interactive",
        card: {
          config: { wide_screen_mode: true },
          header: { title },
          elements: [{ tag: "markdown", content }],
        },
      });
    return {
      ...{ url: target.url, body },
      fits: (markdown) => byteLength(body(markdown)) <= MAX_BODY_BYTES,
    };
  },

  // Older bots answer StatusCode, newer ones code, many both.
  complaint: (answer) =>
    complaintOf(answer, {
      codes: ["code", "StatusCode", "errcode"],
      messages: ["msg", "StatusMessage", "errmsg"],
      ...{ busy: [-1], tooMany: [11_232, 99_991_400] },
    }),
};

/** The key is what others sign, and nothing is signed with it. */
function signed(secret: string, at: number): { timestamp: string; sign: string } {
  const timestamp = String(Math.floor(at / 1_000));
  return { timestamp, sign: createHmac("sha256", `${timestamp}\n${secret}`).digest("base64") };
}
