/**
 * A symbol as one word of `A-Z0-9._-`, as Binance's clients and charts write it: `BTC/USDT` →
 * `BTCUSDT`, perpetual contracts end in `.P` (except where a venue has nothing else), dated ones in
 * their date: `BTCUSDT_250627`. Two symbols of one venue never share a ticker unless their names
 * run together.
 */
export function tickerOf(
  { exchange, symbol }: { readonly exchange: string; readonly symbol: string },
): string {
  const [pair = "", contract] = symbol.toUpperCase().split(":");
  const [base = "", quote = ""] = pair.split("/");
  const joined = `${base}${quote}`.replaceAll(/[^A-Z0-9._-]/g, "");
  if (contract === undefined) return joined;
  const [settle = "", ...terms] = contract.split("-");
  const inverse = settle === quote ? "" : `_${settle}`;
  if (terms.length > 0) return `${joined}${inverse}_${terms.join("_")}`;
  return inverse === "" && CONTRACTS_ONLY.includes(exchange) ? joined : `${joined}${inverse}.P`;
}

/** Whether the name is its ticker; `.P` may also stand where the venue's perpetual contracts go without. */
export function isTickerOf(
  series: { readonly exchange: string; readonly symbol: string },
  name: string,
): boolean {
  const ticker = tickerOf(series);
  if (name === ticker) return true;
  return name === `${ticker}.P` && !ticker.endsWith(".P") && /:[^-]+$/.test(series.symbol);
}

/** Base and quote currency of a unified symbol. */
export function currenciesOf(symbol: string): { readonly base: string; readonly quote: string } {
  const [pair = ""] = symbol.split(":");
  const [base = pair, quote = ""] = pair.split("/");
  return { base, quote };
}

/** Their own names of perpetual contracts are those of spot. */
const CONTRACTS_ONLY: readonly string[] = ["binanceusdm"];
