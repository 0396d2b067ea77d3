/** Quote currencies that exchanges write without a separator, the longest first. */
const QUOTES = [
  ...["FDUSD", "USD1"],
  ...["USDT", "USDC", "TUSD", "BUSD", "USDP", "USDD", "USDE", "BIDR", "BVND", "IDRT"],
  ...["USD", "EUR", "GBP", "JPY", "AUD", "BRL", "TRY", "RUB", "UAH", "ZAR", "PLN", "RON", "ARS"],
  ...["MXN", "COP", "CZK", "NGN", "KRW", "CHF", "CAD", "INR", "IDR", "DAI", "PAX", "VAI"],
  ...["BTC", "ETH", "BNB", "XRP", "TRX", "SOL", "DOT"],
  ...["DOGE", "EURI"],
].toSorted((a, b) => b.length - a.length);

/** Venues that list only contracts settled in their quote currency. */
const LINEAR_VENUES: readonly string[] = ["binanceusdm"];

/**
 * ccxt's symbol for what an exchange itself writes: `BTCUSDT`, `BTC-USDT`, `BTC_USDT` →
 * `BTC/USDT`, and `BTC-USDT-SWAP` → `BTC/USDT:USDT`; on `binanceusdm` all are settled in their
 * quote. What is unified or not understood stays as it is.
 */
export function unifySymbol(text: string, exchange?: string): string {
  const pair = text.includes("/") ? text : own(text);
  const quote = /^[^/:]+\/([^/:]+)$/.exec(pair)?.[1];
  return quote !== undefined && LINEAR_VENUES.includes(exchange ?? "") ? `${pair}:${quote}` : pair;
}

/**
 * Whether two texts name one symbol of a venue. A text without a settle currency in the exchange's
 * own writing (`BTCUSDT`) also names the linear contract `BTC/USDT:USDT`; `BTC/USDT` does not.
 */
export function sameSymbol(a: string, b: string): boolean {
  const [left, right] = [unifySymbol(a).toUpperCase(), unifySymbol(b).toUpperCase()];
  if (left === right) return true;
  if (!a.includes("/")) return linear(left) === right;
  return !b.includes("/") && linear(right) === left;
}

function linear(pair: string): string {
  return `${pair}:${pair.split("/")[1]}`;
}

function own(text: string): string {
  const upper = text.toUpperCase();
  const separated = /^([A-Z0-9]+)[-_]([A-Z0-9]+)([-_]SWAP)?$/.exec(upper);
  if (separated !== null) {
    const [, base, quote, swap] = separated;
    if (quote === undefined || !QUOTES.includes(quote)) return text;
    return `${base}/${quote}${swap === undefined ? "" : `:${quote}`}`;
  }
  const quote = QUOTES.find((q) => upper.length > q.length && upper.endsWith(q));
  const joined = quote !== undefined && /^[A-Z0-9]+$/.test(upper);
  return joined ? `${upper.slice(0, -quote.length)}/${quote}` : text;
}
