import type { Credential } from "./market_source.ts";

export interface PageRequest {
  readonly url: string;
  /** The `Cookie` header of a browser that is logged in. */
  readonly cookie: Credential;
  /** CSS selector of a row; the page is drawn once one is there, or `empty`. */
  readonly rows: string;
  /** Column → CSS selector inside a row. */
  readonly columns: Readonly<Record<string, string>>;
  /** CSS selector of what the page shows when it validly has no rows. */
  readonly empty?: string | undefined;
  /** CSS selector of what only a page to log in at has. */
  readonly login?: string | undefined;
  readonly signal: AbortSignal;
}

export interface PageRows {
  readonly status: number;
  /** Text of each column of each row, null where a row has no such element. */
  readonly rows: readonly Readonly<Record<string, string | null>>[];
  /** `empty` was there. */
  readonly isEmpty: boolean;
  /** `login` was there, or the page led to another that asks for a password. */
  readonly wantsLogin: boolean;
  /** The page as it was drawn. */
  readonly html: string;
}

/** Reads tables of pages that only a browser can draw. Throws AdapterErrors of port `browser`. */
export interface PageReader {
  read(request: PageRequest): Promise<PageRows>;
}
