import { AdapterError } from "./adapter_error.ts";

/** What can go wrong with a browser, and whether asking again may help. */
export const BROWSER_FAILURE_RETRYABLE = {
  /** There is none, or it does not start. */
  missing: false,
  /** It died, or one elsewhere hung up. */
  crashed: true,
  timeout: true,
  /** It works; the address does not answer, or not to the end. */
  unreachable: true,
  /** The page holds more than is ever read. */
  too_large: false,
  bad_selector: false,
} as const;

export type BrowserFailure = keyof typeof BROWSER_FAILURE_RETRYABLE;

/** Why a browser could not show a page. Messages of one cause are the same each time. */
export class BrowserError extends AdapterError {
  readonly failure: BrowserFailure;
  /** Goes on after a colon: `the browser died`. */
  readonly problem: string;
  constructor(
    problem: string,
    { failure, op, hint, cause }: {
      failure: BrowserFailure;
      /** What was tried, e.g. `open site.example`. */
      op: string;
      hint?: string | undefined;
      cause?: unknown;
    },
  ) {
    const retryable = BROWSER_FAILURE_RETRYABLE[failure];
    super(`Cannot ${op}: ${problem}`, { port: "browser", op, retryable, hint, cause });
    this.failure = failure;
    this.problem = problem;
  }
}
