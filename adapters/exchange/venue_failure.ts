/** What a venue answered instead of data. Thrown below ccxt, which lets it pass unchanged. */
export class VenueFailure extends Error {
  override readonly name = "VenueFailure";
  readonly retryable: boolean;
  readonly hint: string | undefined;
  constructor(
    message: string,
    { retryable, hint, cause }: {
      retryable: boolean;
      hint?: string | undefined;
      cause?: unknown;
    },
  ) {
    super(message, { cause });
    this.retryable = retryable;
    this.hint = hint;
  }
}
