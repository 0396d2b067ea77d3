import { admits, type Breaker, CLOSED, stepBreaker } from "@/domain/crawlers/breaker.ts";
import { previousSlot, slotStart } from "@/domain/klines/interval.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Exchanges } from "@/domain/ports/exchange.ts";
import type { ExchangeStanding } from "@/domain/ports/exchange_standing.ts";
import type { WatchedSeries } from "@/projections/series_queries.ts";
import { messageOf } from "./error_message.ts";

/** What one round over series of a venue came to. */
export interface VenueRound {
  /** Series for which the venue has sent something. */
  readonly answered: number;
  readonly errors: readonly unknown[];
  /** Series of the venue about which the round says nothing: it was not asked for anything. */
  readonly unasked: readonly WatchedSeries[];
}

/** Which venues are asked at the moment, for everything in this process that asks them. */
export interface VenueBreakers {
  /** It has failed over and over, and is not to be asked now. */
  isLeftOut(exchange: string): boolean;
  /** The same, but a venue that was left alone long enough is asked for one candle of one series first. */
  admit(series: readonly WatchedSeries[], signal: AbortSignal): Promise<boolean>;
  /**
   * Counts a round: it failed when nothing came and every series failed, by the venue's fault. Where it
   * is not clear, a series that was not asked for is the probe.
   */
  judge(exchange: string, round: VenueRound, signal: AbortSignal): Promise<void>;
  /** The failure for which a venue is left out. */
  lastError(exchange: string): unknown;
  /** How it stands with every venue that was ever asked, by name. */
  standings(): readonly ExchangeStanding[];
}

interface Standing {
  breaker: Breaker;
  lastError: unknown;
  probes: number;
  failures: number;
}

export function createVenueBreakers(
  { clock, exchanges }: { clock: Pick<Clock, "now">; exchanges: Pick<Exchanges, "get"> },
): VenueBreakers {
  const venues = new Map<string, Standing>();

  function standingOf(exchange: string): Standing {
    const standing = venues.get(exchange) ??
      { breaker: CLOSED, lastError: undefined, probes: 0, failures: 0 };
    venues.set(exchange, standing);
    return standing;
  }

  function step(
    standing: Standing,
    type: Parameters<typeof stepBreaker>[1]["type"],
    { runId = "", error }: { runId?: string; error?: unknown } = {},
  ): void {
    standing.breaker = stepBreaker(standing.breaker, { type, runId, at: clock.now() });
    if (error !== undefined) standing.lastError = error;
    if (type === "failed") standing.failures++;
  }

  async function ask(series: WatchedSeries, signal: AbortSignal): Promise<void> {
    const { symbol, interval } = series;
    const venue = await exchanges.get(series.exchange);
    const to = slotStart(interval, await venue.time(signal));
    const from = previousSlot(interval, to);
    await venue.fetchCandles({ symbol, interval, from, to, limit: 1, priority: "live" }, signal);
  }

  return {
    isLeftOut: (exchange) => !admits(standingOf(exchange).breaker, clock.now()),
    lastError: (exchange) => standingOf(exchange).lastError,
    standings: () =>
      [...venues].toSorted(([a], [b]) => a < b ? -1 : 1).map(([exchange, standing]) => {
        const { breaker, failures, lastError } = standing;
        const isWhole = breaker.status === "closed" && breaker.failures === 0;
        return { exchange, breaker, failures, lastError: isWhole ? null : messageOf(lastError) };
      }),
    async admit(series, signal) {
      const standing = standingOf(series[0]?.exchange ?? "");
      if (standing.breaker.status === "closed") return true;
      const probe = probeOf(series, standing.probes);
      if (probe === undefined || !admits(standing.breaker, clock.now())) return false;
      standing.probes++;
      const runId = crypto.randomUUID();
      step(standing, "started", { runId });
      try {
        await ask(probe, signal);
      } catch (error) {
        if (signal.aborted) step(standing, "lost", { runId });
        else step(standing, "failed", { runId, error });
        signal.throwIfAborted();
        return false;
      }
      step(standing, "succeeded", { runId });
      return true;
    },
    async judge(exchange, { answered, errors, unasked }, signal) {
      const standing = standingOf(exchange);
      if (answered > 0) return step(standing, "succeeded");
      const error = errors.find(isVenueFault);
      if (error === undefined || !errors.every(isVenueFault)) return;
      const other = probeOf(unasked, standing.probes);
      if (other === undefined) return step(standing, "failed", { error });
      standing.probes++;
      try {
        await ask(other, signal);
        step(standing, "succeeded");
      } catch (otherError) {
        signal.throwIfAborted();
        if (isVenueFault(otherError)) step(standing, "failed", { error: otherError });
      }
    },
  };
}

/** A series that works, as far as is known: another one each time. */
function probeOf(series: readonly WatchedSeries[], probes: number): WatchedSeries | undefined {
  const sound = series.filter(({ lastError }) => lastError === null);
  const candidates = sound.length > 0 ? sound : series;
  return candidates[probes % candidates.length];
}

/** Neither a fault of ours nor of our database or disks. */
function isVenueFault(error: unknown): boolean {
  return error instanceof AdapterError && error.port === "exchange";
}
