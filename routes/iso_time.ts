/** Epoch ms as ISO 8601 in UTC; what is no time stays null. */
export function isoTime(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : new Date(at).toISOString();
}
