import type { Breaker } from "@/domain/crawlers/breaker.ts";

/** How candle crawls get on with one exchange, as this process has found it. */
export interface ExchangeStanding {
  readonly exchange: string;
  readonly breaker: Breaker;
  /** Rounds and probes that failed by the exchange's fault since the process began. */
  readonly failures: number;
  /** Of the last one that failed; null while it works. */
  readonly lastError: string | null;
}
