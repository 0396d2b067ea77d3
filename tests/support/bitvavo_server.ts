import type { Candle } from "@/domain/klines/candle.ts";

export interface BitvavoServer {
  readonly url: string;
  close(): Promise<void>;
}

/** A local server that speaks the public REST of Bitvavo: a venue whose pages end where the asked window ends. */
export function startBitvavo(
  { candles, now }: { candles: readonly Candle[]; now: number },
): BitvavoServer {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const url = new URL(request.url);
    if (url.pathname === "/v2/time") return Response.json({ time: now });
    if (url.pathname === "/v2/markets") {
      return Response.json(["BTC-EUR", "ETH-EUR"].map((market) => {
        const [base, quote] = market.split("-");
        return { market, status: "trading", base, quote, tickSize: "1.00", quantityDecimals: "8" };
      }));
    }
    if (url.pathname === "/v2/assets") return Response.json([]);
    if (url.pathname !== "/v2/BTC-EUR/candles") return new Response("{}", { status: 404 });
    const [start, end, limit] = ["start", "end", "limit"].map((name) =>
      Number(url.searchParams.get(name))
    );
    const rows = candles.filter(({ openTime }) => openTime >= (start ?? 0) && openTime < (end ?? 0))
      .slice(0, limit)
      .map(({ openTime, open, high, low, close, volume }) => [
        ...[openTime, open, high, low, close, volume],
      ]);
    return Response.json(rows.reverse());
  });
  return { url: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}
