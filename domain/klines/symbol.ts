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

/** Second parts that are no currency: `BTC-PERPETUAL`, `BTC-25JUN27`. */
const TERM = /^(PERP|PERPETUAL|SWAP|\d{2}.*)$/;

/**
 * ccxt's symbol for what an exchange itself writes: `BTCUSDT`, `BTC-USDT`, `BTC_USDT`, `btc/usdt` →
 * `BTC/USDT`, and `BTC-USDT-SWAP` → `BTC/USDT:USDT`; on `binanceusdm` all are settled in their
 * quote. A symbol as the name of a folder (`BTC-USDT_USDT`) is read back. What is not understood
 * stays as it is.
 */
export function unifySymbol(text: string, exchange?: string): string {
  const pair = text.includes("/") ? cased(text) : own(text);
  const quote = /^[^/:]+\/([^/:]+)$/.exec(pair)?.[1];
  return quote !== undefined && LINEAR_VENUES.includes(exchange ?? "") ? `${pair}:${quote}` : pair;
}

/** A symbol as the name of a folder: `BTC/USDT:USDT` → `BTC-USDT_USDT`. */
export function symbolFolder(symbol: string): string {
  return symbol.replaceAll("/", "-").replaceAll(":", "_");
}

/** Upper case, except where small letters are a part of a currency's name: `kPEPE`, `USDe`. */
function cased(text: string): string {
  return text.replaceAll(/[^/:-]+/g, (part) => {
    const named = /[a-z]/.test(part) && /[A-Z]/.test(part) && !/^[A-Z][a-z]+\d*$/.test(part);
    return named ? part : part.toUpperCase();
  });
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
    if (quote === undefined || !QUOTES.includes(quote)) return unfolded(text);
    return `${base}/${quote}${swap === undefined ? "" : `:${quote}`}`;
  }
  const quote = QUOTES.find((q) => upper.length > q.length && upper.endsWith(q));
  const joined = quote !== undefined && /^[A-Z0-9]+$/.test(upper);
  return joined ? `${upper.slice(0, -quote.length)}/${quote}` : unfolded(text);
}

/** Without this, a text that nobody lists would hold the id of a symbol that somebody does. */
function unfolded(text: string): string {
  const [, base, quote = "", settle] =
    /^([a-z0-9.]+)-([a-z0-9.]+)(?:_([a-z0-9]+(?:-[a-z0-9]+)*))?$/i.exec(text) ?? [];
  if (base === undefined || TERM.test(quote.toUpperCase()) || /-SWAP$/i.test(text)) return text;
  return cased(`${base}/${quote}${settle === undefined ? "" : `:${settle}`}`);
}
