import type { Interval } from "../klines/interval.ts";

/** Takes candles away by event, on an operator's word. */
export interface KlineRemoval {
  remove(request: RemovalRequest): Promise<RemovalOutcome>;
}

export interface RemovalRequest {
  readonly seriesId: string;
  readonly interval: Interval;
  /** Whole slots go: a Refusal where one of them holds a candle outside of the range. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly reason: string;
  /** Never crawl the range again. */
  readonly keepOut: boolean;
  readonly actor: string;
  readonly commandId: string;
}

export interface RemovalOutcome {
  readonly removed: number;
  readonly position: number;
  readonly visible: boolean;
}
