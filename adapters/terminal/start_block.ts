export interface StartFacts {
  /** Origin of the API. */
  readonly address: string;
  readonly dataDir: string;
  readonly database: "embedded" | "server";
  /** Undefined when the token was given by configuration. */
  readonly tokenFile: string | undefined;
  readonly watched: readonly string[];
  readonly simulated: boolean;
}

/** What a person must know when the service has started. */
export function startBlock(facts: StartFacts): string[] {
  const { address, dataDir, database, tokenFile, watched, simulated } = facts;
  const [exchange, symbol, interval] = splitSeries(watched[0] ?? "binance:BTC/USDT:1m");
  const query = `exchange=${exchange}&symbol=${symbol}&interval=${interval}`;
  return [
    "",
    simulated ? "Chandlery is running with SIMULATED candles." : "Chandlery is running.",
    ...(simulated ? ["Their prices are made up: good for a look around, never for research."] : []),
    "",
    `  candles   ${address}/api/v1/klines?${query}`,
    `  docs      ${address}/docs`,
    `  data      ${dataDir} (${database} database)`,
    `  token     ${tokenFile ?? "as configured in ADMIN_TOKEN"}`,
    `  watching  ${watched.length === 0 ? "nothing; see WATCH" : watched.join(", ")}`,
    "",
    "Ctrl-C stops it.",
    "",
  ];
}

function splitSeries(text: string): readonly [exchange: string, symbol: string, interval: string] {
  const [first, last] = [text.indexOf(":"), text.lastIndexOf(":")];
  return [text.slice(0, first), text.slice(first + 1, last), text.slice(last + 1)];
}
