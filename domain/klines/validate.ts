/** Why a row is refused. */
export type RejectReason =
  | "bad_number"
  | "bad_time"
  | "ohlc_violation"
  | "negative_volume"
  | "not_closed"
  | "duplicate_in_batch";
