/** 2000-01-01: nothing crawled is older. */
export const MIN_OPEN_TIME = 946_684_800_000;
/** The first instant whose year has five digits: no period is named after it. */
export const TOO_LATE = Date.UTC(10_000);

/** Whether a candle may open at this time, epoch ms: from 2000 to the end of 9999. */
export function isOpenTime(at: number): boolean {
  return at >= MIN_OPEN_TIME && at < TOO_LATE;
}

/** What is expected of a time that is none, for messages. */
export const EXPECTED_OPEN_TIME = "a time from 2000-01-01 to the end of 9999";
