import type { Clock } from "@/domain/ports/clock.ts";
import type { Credential } from "@/domain/ports/market_source.ts";
import type { Fetch } from "./source_http.ts";

/** What one source is opened with. */
export interface SourceSettings {
  readonly clock: Clock;
  /** Takes the place of the site's own address. */
  readonly baseUrl?: string | undefined;
  readonly token?: Credential | undefined;
  readonly cookie?: Credential | undefined;
  /** JSON of what to pick, each source in its own words. */
  readonly selectors?: string | undefined;
  /** Least time between two requests; one second and never less than the site asks for. */
  readonly intervalMs?: number | undefined;
  readonly maxBytes?: number | undefined;
  readonly fetch?: Fetch | undefined;
}
