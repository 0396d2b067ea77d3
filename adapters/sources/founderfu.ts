import type { MarketSource } from "@/domain/ports/market_source.ts";
import { parseRatings, type Rating, ratingReports } from "./founderfu_parse.ts";
import { sourceAnswer } from "./source_answer.ts";
import { createSourceHttp } from "./source_http.ts";
import type { SourceReply } from "./source_reply.ts";
import type { SourceSettings } from "./source_settings.ts";

/** 方期看盘: ratings of products before the day and the night session. */
export function createFounderfu(settings: SourceSettings): MarketSource {
  const { token, cookie } = settings;
  const http = createSourceHttp({
    ...settings,
    source: "founderfu",
    home: "https://fxq.founderfu.com",
    headers: {
      accept: "application/json",
      referer: "https://fxq.founderfu.com/",
      ...(token === undefined ? {} : { authorization: token.reveal() }),
      ...(cookie === undefined ? {} : { cookie: cookie.reveal() }),
    },
    secrets: [token, cookie],
    loginHint: "SOURCE_FOUNDERFU_COOKIE is the cookie of a browser that is logged in",
  });
  return {
    name: "founderfu",
    missing: [],
    async fetch({ date, signal }) {
      const replies: SourceReply[] = [];
      const ratings: Rating[] = [];
      for (const opening of ["早盘提示", "夜盘提示"] as const) {
        const reply = await http.ask({
          path: "/pc/jiandaoyun/ratingprediction/list",
          query: { openingtype: opening, date },
          signal,
        });
        replies.push(reply);
        ratings.push(...parseRatings(reply, opening));
      }
      return sourceAnswer(replies, { rows: ratingReports(ratings, date) });
    },
  };
}
