import { trusted } from "@/events/trust.ts";
import type { KlineRow } from "@/events/catalog/klines.ts";
import { joinCandles } from "@/domain/klines/aggregate.ts";
import { type Candle, fromRow, toRow } from "@/domain/klines/candle.ts";
import { type Interval, previousSlot, slotEnd, slotStart } from "@/domain/klines/interval.ts";
import type { KlineQuery } from "@/domain/ports/kline_reader.ts";
import type { NewestCandles } from "@/domain/ports/open_candles.ts";
import type { SeriesView } from "@/projections/series_queries.ts";
import type { AppDeps } from "./app_deps.ts";

type Deps = Pick<AppDeps, "reader" | "openCandles" | "clock" | "settings" | "signal">;

/** A page of bars as values, for protocols that write them in their own way. */
export interface BarsQuery {
  readonly series: SeriesView;
  /** The stored one or a multiple of it. */
  readonly interval: Interval;
  /** How far the clocks that bars open by are ahead of UTC. */
  readonly offsetMs?: number | undefined;
  /** Inclusive. */
  readonly start: number | undefined;
  /** Exclusive. */
  readonly end: number | undefined;
  readonly limit: number;
  /** Which are kept where the range holds more than `limit`. */
  readonly keep: "oldest" | "latest";
  /** How long the newest bars may be waited for, epoch ms; a second where none is given. */
  readonly until?: number | undefined;
}

/** `KlineRow` with its close time always given. */
export type Bar = KlineRow;

export interface Bars {
  /** Ascending; the last one is still running where `open` says so. */
  readonly rows: readonly Bar[];
  readonly open: boolean;
}

export interface BarReader {
  /** Only what is held; `partial` also gives a last bar that is not complete yet. */
  held(query: BarsQuery & { readonly partial?: boolean }): Promise<readonly Bar[]>;
  /** Closed bars, and the newest ones after them where the setting wants them and the range reaches them. */
  read(query: BarsQuery): Promise<Bars>;
  /**
   * The newest bars, which are not held or not whole yet: those that have just closed and the running
   * one, as the venue says them and as far as they are held. None where the setting does not want them.
   */
  newest(series: SeriesView, interval: Interval, how?: Newest): Promise<Bars>;
}

interface Newest extends Pick<BarsQuery, "offsetMs" | "until"> {
  /** Open time of the newest candle that is held; the series' own by default. */
  readonly heldTo?: number | undefined;
}

/** A candle that has closed may take so long to be stored. */
export const STORING_MS = 15_000;
const NONE: Bars = { rows: [], open: false };
/** More slots than candles come in before the series' own row shows it. */
const MOST_GROWING = 4;

export function createBarReader(
  { reader, openCandles, clock, settings, signal }: Deps,
): BarReader {
  async function rowsOf(query: KlineQuery) {
    const page = await reader.read(query, signal);
    const rows = trusted<Bar[]>(JSON.parse(new TextDecoder().decode(page.bytes)));
    return { rows, more: page.more };
  }

  async function newest(series: SeriesView, interval: Interval, how: Newest = {}): Promise<Bars> {
    const { heldTo = series.lastOpenTime, offsetMs, until } = how;
    if (!settings.openCandle || !series.watched || heldTo === null) return NONE;
    const said = await openCandles.find(series, until);
    const candles = following(said, series, heldTo);
    const running = candles.length > 0 && candles.at(-1) === said?.running;
    if (interval === series.interval) {
      return { rows: candles.map((one) => withClose(one, interval)), open: running };
    }
    const heldEnd = slotEnd(series.interval, heldTo);
    const { rows } = await rowsOf({
      ...asked({ series, interval, offsetMs, end: undefined, limit: MOST_GROWING }),
      ...{ start: slotStart(interval, heldEnd, offsetMs), before: candles.at(0)?.openTime },
      ...{ order: "desc", partial: true },
    });
    const slots = joined([...rows.toReversed().map(fromRow), ...candles], interval, offsetMs);
    const endOf = ({ openTime }: Candle) => slotEnd(interval, openTime, offsetMs);
    const wholeTo = slotEnd(series.interval, candles.at(-1)?.openTime ?? heldTo);
    // What has ended without its last candles is neither closed nor running.
    const shown = slots.filter((bar) =>
      running || endOf(bar) <= wholeTo || endOf(bar) > clock.now()
    );
    const last = shown.at(-1);
    return {
      rows: shown.map((bar) => withClose(bar, interval, offsetMs)),
      open: last !== undefined && (running || endOf(last) > wholeTo),
    };
  }

  /** Those that are not held, if nothing lacks before them that may still come. */
  function following(
    said: NewestCandles | undefined,
    { interval }: SeriesView,
    heldTo: number,
  ): readonly Candle[] {
    const { closed, running } = said ?? { closed: [], running: undefined };
    const candles = [...closed, ...(running === undefined ? [] : [running])]
      .filter(({ openTime }) => openTime > heldTo);
    const [first] = candles;
    if (first === undefined) return candles;
    const follows = heldTo >= previousSlot(interval, first.openTime) ||
      clock.now() - first.openTime > STORING_MS;
    return follows ? candles : [];
  }

  async function pageOf({ keep, partial = false, ...query }: BarsQuery & { partial?: boolean }) {
    const backwards = keep === "latest" && query.start !== undefined;
    const order = backwards ? "desc" : "asc";
    const { rows, more } = await rowsOf({ ...asked(query), partial, order });
    return { rows: backwards ? rows.toReversed() : rows, more };
  }

  return {
    newest,
    held: async (query) => (await pageOf(query)).rows,
    async read(query) {
      const { start, end = Infinity, limit, series, interval, offsetMs, keep } = query;
      const { rows, more } = await pageOf(query);
      const oldest = keep === "oldest" && start !== undefined;
      const full = oldest && (more || rows.length >= limit);
      if (full || end <= slotStart(interval, series.lastOpenTime ?? 0, offsetMs)) {
        return { rows, open: false };
      }
      const last = rows.at(-1)?.[0] ?? -1;
      const heldTo = interval === series.interval && last >= 0 ? last : undefined;
      const fresh = await newest(series, interval, { ...query, heldTo });
      const fits = fresh.rows.filter(([openTime]) =>
        openTime > last && openTime >= (start ?? 0) && openTime < end
      );
      const all = [...rows, ...fits];
      const shown = oldest ? all.slice(0, limit) : all.slice(-limit);
      const open = fresh.open && fits.length > 0 && shown.at(-1) === fresh.rows.at(-1);
      return { rows: shown, open };
    },
  };
}

/** Larger bars out of ascending parts of them. */
function joined(parts: readonly Candle[], interval: Interval, offsetMs?: number): Candle[] {
  return [...Map.groupBy(parts, ({ openTime }) => slotStart(interval, openTime, offsetMs))]
    .map(([openTime, some]) => joinCandles(openTime, some));
}

type Asked = Omit<BarsQuery, "keep" | "until" | "start"> & Partial<Pick<BarsQuery, "start">>;

function asked(
  { series, interval, offsetMs, start, end, limit }: Asked,
): KlineQuery {
  return {
    ...{ seriesId: series.id, stored: series.interval, interval, offsetMs, start, end, limit },
    ...{ order: "asc", fill: "none", partial: false, format: "arrays", numbers: "string" },
  };
}

function withClose(candle: Candle, interval: Interval, offsetMs = 0): Bar {
  const closeTime = candle.closeTime ?? slotEnd(interval, candle.openTime, offsetMs) - 1;
  return toRow({ ...candle, closeTime });
}
