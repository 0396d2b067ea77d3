/**
 * What TradingView's UDF datafeed sends and how it reads the answers, as its documentation says: the
 * library itself is not public, and draws in a browser only.
 */
export interface UdfClient {
  /** First of all: what the server can do. */
  onReady(): Promise<Readonly<Record<string, unknown>>>;
  searchSymbols(text: string, exchange?: string): Promise<readonly UdfSymbol[]>;
  /** Rejects with what the server says is wrong. */
  resolveSymbol(name: string): Promise<UdfInfo>;
  /** The newest bars before `to`, older ones page by page, until there are none. Times in ms. */
  allBars(info: UdfInfo, options: PageOptions): Promise<readonly UdfBar[]>;
  /** What live polling asks: the two newest bars. */
  newestBars(info: UdfInfo, resolution: string): Promise<readonly UdfBar[]>;
  serverTime(): Promise<number>;
}

interface UdfSymbol {
  readonly symbol: string;
  readonly full_name: string;
}

export interface UdfInfo {
  readonly name: string;
  readonly ticker?: string;
  readonly has_intraday: boolean;
  readonly supported_resolutions: readonly string[];
  readonly pricescale: number;
  readonly minmov: number;
}

interface PageOptions {
  readonly resolution: string;
  readonly countBack: number;
  /** Seconds, exclusive. */
  readonly to: number;
}

export interface UdfBar {
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

interface Page {
  readonly bars: readonly UdfBar[];
  readonly noData: boolean;
  readonly nextTime: number | undefined;
}

const HOUR_S = 3_600;

export function connectUdf(address: string): UdfClient {
  /** Bodies only: the datafeed never looks at a status. */
  async function ask(path: string, params: Record<string, string | number> = {}) {
    const query = Object.entries(params).map(([name, value]) =>
      `${name}=${encodeURIComponent(value)}`
    );
    const search = query.length === 0 ? "" : `?${query.join("&")}`;
    return await (await fetch(`${address}/udf/${path}${search}`)).text();
  }

  async function page(
    { ticker, name }: UdfInfo,
    asked: { resolution: string; from: number; to: number; countback: number },
  ): Promise<Page> {
    const answer = JSON.parse(await ask("history", { symbol: ticker ?? name, ...asked }));
    if (answer.s !== "ok" && answer.s !== "no_data") throw new Error(answer.errmsg);
    if (answer.s === "no_data") return { bars: [], noData: true, nextTime: answer.nextTime };
    const bars = answer.t.map((time: number, i: number) => ({
      ...{ time: time * 1_000, open: answer.o[i], high: answer.h[i], low: answer.l[i] },
      ...{ close: answer.c[i], volume: answer.v[i] },
    }));
    return { bars, noData: false, nextTime: undefined };
  }

  return {
    onReady: async () => JSON.parse(await ask("config")),
    async searchSymbols(text, exchange = "") {
      return JSON.parse(await ask("search", { limit: 30, query: text, type: "", exchange }));
    },
    async resolveSymbol(name) {
      const answer = JSON.parse(await ask("symbols", { symbol: name }));
      if (answer.s !== undefined) throw new Error(answer.errmsg);
      return answer;
    },
    async allBars(info, { resolution, countBack, to }) {
      let bars: readonly UdfBar[] = [];
      for (let end = to;;) {
        const asked = { resolution, from: end - HOUR_S, to: end, countback: countBack };
        const found = await page(info, asked);
        if (found.noData && found.nextTime === undefined) return bars;
        bars = [...found.bars, ...bars];
        end = found.nextTime === undefined ? (bars[0]?.time ?? 0) / 1_000 : found.nextTime + 1;
      }
    },
    async newestBars(info, resolution) {
      const to = await this.serverTime() + HOUR_S;
      return (await page(info, { resolution, from: 0, to, countback: 2 })).bars;
    },
    serverTime: async () => Number(await ask("time")),
  };
}
