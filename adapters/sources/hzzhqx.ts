import type { MarketSource } from "@/domain/ports/market_source.ts";
import { parseOverallView, parseVarietyList } from "./hzzhqx_parse.ts";
import { sourceAnswer } from "./source_answer.ts";
import { createSourceHttp } from "./source_http.ts";
import type { SourceSettings } from "./source_settings.ts";

/** 智汇期讯: what houses think of each product. */
export function createHzzhqx(settings: SourceSettings): MarketSource {
  const { token, cookie } = settings;
  const http = createSourceHttp({
    ...settings,
    source: "hzzhqx",
    home: "https://hzzhqx.com",
    headers: {
      accept: "application/json",
      "zh-platform": "WEB",
      ...(token === undefined ? {} : { authorization: token.reveal() }),
      ...(cookie === undefined ? {} : { cookie: cookie.reveal() }),
    },
    secrets: [token, cookie],
    loginHint: "SOURCE_HZZHQX_TOKEN is the authorization header of a browser that is logged in",
  });
  return {
    name: "hzzhqx",
    missing: [],
    async fetch({ date, signal }) {
      const list = await http.ask({ path: "/api/public/variety/list", signal });
      const varieties = parseVarietyList(list);
      const view = await http.ask({
        path: "/api/report/overallView",
        query: { publishDate: date, sectorId: "", morePort: "全部" },
        signal,
      });
      return sourceAnswer([list, view], { rows: parseOverallView(view, { date, varieties }) });
    },
  };
}
