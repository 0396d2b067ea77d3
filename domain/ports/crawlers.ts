/** A crawler as it is configured; what it has done stands in the read models. */
export interface CrawlerInfo {
  /** `openvlab`, `klines`, `archive`: also the name in `deno task job <name>`. */
  readonly name: string;
  /** Whom its circuit breaker is for: a site, an exchange. */
  readonly venue: string;
  /** Five fields of cron, by the clocks of `timeZone`. */
  readonly schedule: string;
  /** IANA name: the installation's, of market pages Asia/Shanghai. */
  readonly timeZone: string;
  /** It keeps away from venues that fail by itself. */
  readonly ownBreakers: boolean;
  /** Settings without which it cannot run; it is `not_configured` unless this is empty. */
  readonly missing: readonly string[];
}

export interface Doer {
  readonly actor: string;
  readonly commandId: string;
}

/** Every crawler under the supervisor, and what operators do to them. */
export interface Crawlers {
  /** In a fixed order. */
  list(): readonly CrawlerInfo[];
  /** When it is due next, epoch ms; undefined while the schedule is switched off. */
  nextRunAt(name: string): number | undefined;
  /**
   * Starts a run and answers before it ends; `commandId` becomes its id, `jobId` is where its progress
   * shows. Refusals: `not_found`,
   * `conflict` while one runs here or elsewhere (`details` names the run), `unavailable` where
   * settings are missing or the service stops.
   */
  run(name: string, doer: Doer): Promise<{ readonly runId: string; readonly jobId: string }>;
  /** Its schedule starts nothing until resumed; by hand it still runs. Refusal `not_found`. */
  pause(name: string, doer: Doer & { readonly reason: string }): Promise<void>;
  resume(name: string, doer: Doer): Promise<void>;
}
