/** The world's fault: network, disk, engine, vendor. Jobs retry it when `retryable`. */
export class AdapterError extends Error {
  override readonly name = "AdapterError";
  /** `exchange`, `lake`, `blobs`, … */
  readonly port: string;
  /** What was tried, e.g. `fetchCandles binance BTC/USDT`. */
  readonly op: string;
  readonly retryable: boolean;
  /** What the operator can do about it. */
  readonly hint: string | undefined;
  /** How long the other side asked us to wait. */
  readonly retryAfterMs: number | undefined;
  constructor(
    message: string,
    { port, op, retryable, hint, retryAfterMs, cause }: {
      port: string;
      op: string;
      retryable: boolean;
      hint?: string | undefined;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    },
  ) {
    super(message, { cause });
    this.port = port;
    this.op = op;
    this.retryable = retryable;
    this.hint = hint;
    this.retryAfterMs = retryAfterMs;
  }
}
