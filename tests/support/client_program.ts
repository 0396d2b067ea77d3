import { type RunningProgram, type Settings, startProgram, waitUntil } from "./program.ts";

const MINUTE = 60_000;

/** The real program with BTC/USDT of binance, minutes, for clients of foreign protocols to read. */
export interface ClientProgram extends RunningProgram {
  /** `ws:` in the place of `http:`. */
  readonly wsAddress: string;
  readonly token: string;
  /** Open time of the first minute; the last one begins `COUNT - 1` minutes later. */
  readonly start: number;
  /** Waits until reads show all that was written: an answer to a write waits for it two seconds at most. */
  settled(): Promise<void>;
  /** Stores new minutes, one after another, until the promise is settled; answers its value. */
  feedUntil<T>(wanted: Promise<T>): Promise<T>;
  /** What a candle of this open time holds. */
  expected(openTime: number): readonly (number | string)[];
  close(): Promise<void>;
}

/** More than two pages of any client; whole hours. */
export const COUNT = 2_520;

/** `[openTime, open, high, low, close, volume, closeTime, quoteVolume, trades, takerBase, takerQuote]` */
function minute(start: number, i: number): readonly (number | string)[] {
  const close = (100 + (i % 3_000) / 100).toFixed(2);
  const openTime = start + i * MINUTE;
  return [
    ...[openTime, "100.5", "130.25", "99.75", close, "1.5", openTime + MINUTE - 1],
    ...["150.75", i, "0.5", "50.25"],
  ];
}

const FIELDS = [
  ...["open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades_count"],
  ...["taker_buy_volume", "taker_buy_quote_volume"],
];

/** Starts it and tells it its candles, which end some hours ago. */
export async function startClientProgram(more: Settings = {}): Promise<ClientProgram> {
  const folder = await Deno.makeTempDir({ prefix: "chandlery-clients-" });
  const settings = {
    ...{ DATA_DIR: `${folder}/data`, WATCH: "none", CRON: "off", LOG_LEVEL: "warn" },
    ...more,
  };
  const program = await startProgram(settings);
  const hour = 60 * MINUTE;
  const start = Math.floor(Date.now() / hour) * hour - (COUNT + 600) * MINUTE;

  async function store(rows: readonly (readonly (number | string)[])[]): Promise<void> {
    const lines = rows.map(([openTime, ...values]) => {
      const fields = values.map((value, i) => `${FIELDS[i]}=${value}`);
      return `candles,exchange=binance,symbol=BTC/USDT,interval=1m ${fields.join(",")} ${openTime}`;
    });
    const body = lines.join("\n");
    const response = await program.ask("/api/v2/write?precision=ms", { method: "POST", body });
    if (response.status !== 204) throw new Error(await response.text());
  }

  async function settled(): Promise<void> {
    const isThere = await waitUntil(async () => {
      const { data } = await (await program.ask("/admin/projections")).json();
      return data.every(({ lag }: { lag: number }) => lag === 0);
    });
    if (!isThere) throw new Error("The read models did not catch up");
  }

  await store(Array.from({ length: COUNT }, (_, i) => minute(start, i)));
  await settled();
  let next = COUNT;
  return {
    ...program,
    ...{ start, settled },
    wsAddress: program.address.replace("http:", "ws:"),
    token: (await Deno.readTextFile(`${settings.DATA_DIR}/admin-token`)).trim(),
    expected: (openTime) => minute(start, (openTime - start) / MINUTE),
    async feedUntil(wanted) {
      let settled = false;
      const end = () => settled = true;
      wanted.then(end, end);
      await waitUntil(async () => {
        await store([minute(start, next++)]);
        return settled;
      });
      if (!settled) throw new Error("The client heard of no candle");
      return await wanted;
    },
    async close() {
      await program.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
