import { createHmac } from "node:crypto";
import { byteLength, complaintOf, type Dialect, shortTitle } from "./dialect.ts";

const MAX_BODY_BYTES = 20_000;

/** DingTalk's custom robot: signed in the URL, 20 messages a minute, silent for ten after more. */
export const dingtalk: Dialect = {
  windows: [{ most: 20, ms: 60_000 }],
  maxMarkdownBytes: 16_000,
  blockedMs: 600_000,

  draft(message, { target, at }) {
    const url = new URL(target.url);
    if (target.secret !== undefined) {
      const sign = createHmac("sha256", target.secret).update(`${at}\n${target.secret}`);
      url.searchParams.set("timestamp", String(at));
      url.searchParams.set("sign", sign.digest("base64"));
    }
    const title = shortTitle(message);
    const body = (markdown: string) =>
      JSON.stringify({
        msgtype: "markdown",
        markdown: { title, text: `### ${title}\n\n${markdown}` },
      });
    return {
      url: url.href,
      body,
      fits: (markdown) => byteLength(body(markdown)) <= MAX_BODY_BYTES,
    };
  },

  complaint: (answer) =>
    complaintOf(answer, {
      ...{ codes: ["errcode"], messages: ["errmsg"] },
      ...{ busy: [-1], tooMany: [130_101, 660_026, 90_018] },
    }),
};
