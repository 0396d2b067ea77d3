import {
  type Interval,
  nextSlot,
  previousSlot,
  slotEnd,
  slotStart,
} from "@/domain/klines/interval.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type { Log } from "@/domain/ports/log.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { AppDeps } from "./app_deps.ts";
import { type Bar, type BarReader, STORING_MS } from "./bars.ts";
import type { SeriesDirectory } from "./series_directory.ts";

interface Deps extends Pick<AppDeps, "projections" | "settings" | "signal"> {
  readonly bars: BarReader;
  readonly directory: SeriesDirectory;
  readonly clock: Clock;
  readonly log: Log;
}

type Listener = (bar: Bar, closed: boolean) => void;

/** Bars as they come. */
export interface BarStreams {
  /**
   * Tells each bar that closes from now on, in order, a larger one also while it grows, and the
   * running one where the setting wants it. Returns how to stop.
   */
  follow(series: SeriesView, interval: Interval, listener: Listener): () => void;
}

/** The newest end of one series. */
interface Tail {
  readonly id: string;
  /** Open time of the newest stored candle that was told. */
  toldTo: number;
  readonly channels: Map<Interval, Channel>;
}

interface Channel {
  readonly interval: Interval;
  readonly listeners: Set<Listener>;
  /** The first slot that was not told as closed. */
  slot: number;
  /** What was last told of a running bar. */
  running: string;
}

/** After a pause of the crawl only the newest are told. */
const MOST_AT_ONCE = 500;
/** A running bar is looked at so often, and venues are asked no more often than once in the pause. */
const RUNNING_MS = 2_000;
const RUNNING_PAUSE_MS = 1_000;

/** Reads the new end of each followed series once for all who follow it, when the rows show it. */
export function createBarStreams(
  { bars, directory, projections, settings, clock, log, signal }: Deps,
): BarStreams {
  const tails = new Map<string, Tail>();
  let looking = false;
  let lookAgain = false;
  let idle = new AbortController();

  projections.onApplied(() => void look());

  /** Tells what is new. One run at a time: what happens meanwhile is found by the same run. */
  async function look(): Promise<void> {
    lookAgain = true;
    if (looking) return;
    looking = true;
    while (lookAgain && tails.size > 0 && !signal.aborted) {
      lookAgain = false;
      await guarded(async () => {
        const views = new Map((await directory.list()).map((view) => [view.id, view]));
        for (const tail of tails.values()) {
          const view = views.get(tail.id);
          if ((view?.lastOpenTime ?? -Infinity) <= tail.toldTo || view === undefined) continue;
          await guarded(() => tellNew(tail, view));
        }
      });
    }
    looking = false;
  }

  /** What fails is found again with the next candle. */
  async function guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) log.warn("new candles could not be read for streams", { error });
    }
  }

  async function tellNew(tail: Tail, series: SeriesView): Promise<void> {
    const end = (series.lastOpenTime ?? 0) + 1;
    const page = { series, limit: MOST_AT_ONCE, keep: "latest" } as const;
    const stored = series.interval;
    const rows = await bars.held({ ...page, interval: stored, start: tail.toldTo + 1, end });
    const last = rows.at(-1);
    // The rows may be behind the series' own row: they will move, too.
    if (last === undefined) return;
    const heldTo = nextSlot(stored, last[0]);
    for (const channel of tail.channels.values()) {
      const { interval, slot } = channel;
      const news = interval === stored ? rows : await bars.held({
        ...{ ...page, interval, start: slot, end: last[0] + 1, partial: true },
      });
      for (const bar of news) {
        const closed = interval === stored || slotEnd(interval, bar[0]) <= heldTo;
        channel.slot = Math.max(channel.slot, closed ? nextSlot(interval, bar[0]) : bar[0]);
        if (!closed) channel.running = JSON.stringify(bar);
        tell(channel, bar, closed);
      }
    }
    tail.toldTo = last[0];
  }

  function tell({ listeners }: Channel, bar: Bar, closed: boolean): void {
    for (const listener of listeners) listener(bar, closed);
  }

  /** Looks at the running bars, one series after another, until nobody follows any. */
  async function watchRunning(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      for (const tail of [...tails.values()]) {
        await clock.sleep(Math.max(RUNNING_PAUSE_MS, RUNNING_MS / tails.size), stopped);
        await guarded(() => tellRunning(tail));
      }
    }
  }

  async function tellRunning(tail: Tail): Promise<void> {
    const series = (await directory.list()).find(({ id }) => id === tail.id);
    // What has closed is told first: now by the other run, else when it is stored.
    if (series === undefined || (series.lastOpenTime ?? -Infinity) > tail.toldTo) return;
    for (const channel of tail.channels.values()) {
      const { rows, open } = await bars.newest(series, channel.interval);
      const bar = open ? rows.at(-1) : undefined;
      const text = JSON.stringify(bar);
      if (bar === undefined || bar[0] < channel.slot || text === channel.running) continue;
      if (rows.length > 1 && clock.now() - bar[0] <= STORING_MS) continue;
      channel.running = text;
      tell(channel, bar, false);
    }
  }

  function tailOf({ id, interval, lastOpenTime }: SeriesView): Tail {
    const known = tails.get(id);
    if (known !== undefined) return known;
    const now = slotStart(interval, clock.now());
    const tail = { id, toldTo: lastOpenTime ?? previousSlot(interval, now), channels: new Map() };
    tails.set(id, tail);
    if (tails.size === 1 && settings.openCandle) {
      idle = new AbortController();
      void watchRunning(AbortSignal.any([idle.signal, signal])).catch(() => {});
    }
    return tail;
  }

  return {
    follow(series, interval, listener) {
      const tail = tailOf(series);
      const slot = slotStart(interval, nextSlot(series.interval, tail.toldTo));
      const channel = tail.channels.get(interval) ??
        { interval, slot, listeners: new Set<Listener>(), running: "" };
      tail.channels.set(interval, channel);
      channel.listeners.add(listener);
      void look();
      return () => {
        channel.listeners.delete(listener);
        if (channel.listeners.size === 0) tail.channels.delete(interval);
        if (tail.channels.size > 0 || tails.get(tail.id) !== tail) return;
        tails.delete(tail.id);
        if (tails.size === 0) idle.abort(new DOMException("Nobody follows", "AbortError"));
      };
    },
  };
}
