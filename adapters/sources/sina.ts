import { z } from "zod";
import type { MarketReport, MarketSource, SourceSeries } from "@/domain/ports/market_source.ts";
import { askEach, partsOf } from "./ask_each.ts";
import { MOST_PICKED, readSelectors } from "./selectors.ts";
import { dailyReports, parseSinaDaily, sinaSeries } from "./sina_parse.ts";
import { sourceAnswer } from "./source_answer.ts";
import { createSourceHttp } from "./source_http.ts";
import type { SourceReply } from "./source_reply.ts";
import type { SourceSettings } from "./source_settings.ts";

/** `{"symbols":["RB0","RB2701"]}`; `0` is the main contract, whichever it was on a day. */
const selection = z.strictObject({
  symbols: z.array(z.string().regex(/^[A-Z]{1,2}\d{1,4}$/)).min(1).max(MOST_PICKED)
    .default(["AU0", "RB0", "SC0"]),
});

/** Futures dailies as the exchanges publish them, in Sina's format. */
export function createSina(settings: SourceSettings): MarketSource {
  const { cookie } = settings;
  const http = createSourceHttp({
    ...settings,
    source: "sina",
    home: "https://stock2.finance.sina.com.cn",
    headers: {
      referer: "https://finance.sina.com.cn/",
      ...(cookie === undefined ? {} : { cookie: cookie.reveal() }),
    },
    secrets: [cookie],
    loginHint: "SOURCE_SINA_COOKIE is the cookie of a browser that is let in",
  });
  return {
    name: "sina",
    missing: [],
    async fetch({ date, signal, until }) {
      const { symbols } = readSelectors("sina", settings.selectors, selection);
      // Of the time before they were sent: a session that ended meanwhile may not be whole in them.
      const now = settings.clock.now();
      const replies: SourceReply[] = [];
      const rows: MarketReport[] = [];
      const series: SourceSeries[] = [];
      const asking = { source: "sina", clock: settings.clock, signal, until } as const;
      const failures = await askEach(
        partsOf(symbols, async (symbol) => {
          const reply = await http.ask({
            path: `/futures/api/jsonp.php/var%20_${symbol}=/InnerFuturesNewService.getDailyKLine`,
            query: { symbol },
            signal,
          });
          const bars = parseSinaDaily(reply, symbol).filter((one) => one.date <= date);
          replies.push(reply);
          series.push(sinaSeries(symbol, bars));
          rows.push(...dailyReports(symbol, bars, { date, now }));
        }),
        asking,
      );
      const [failed] = failures;
      if (failed !== undefined && series.length === 0) throw failed.error;
      return sourceAnswer(replies, { rows, series, failures });
    },
  };
}
