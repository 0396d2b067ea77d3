import { deepEqual } from "node:assert/strict";
import fc from "fast-check";
import { type ArchivablePeriod, planArchive } from "@/domain/klines/archive_plan.ts";
import { DAY_MS } from "@/domain/klines/interval.ts";
import { periodOf, periodRange } from "@/domain/klines/period.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { utc } from "../../support/candles.ts";

const BTC = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;

const DAYS = { ...BTC, interval: "1d" } as const;

function period(name: string, given: Partial<ArchivablePeriod> = {}): ArchivablePeriod {
  const { series = BTC } = given;
  const at = given.lastOpenTime ?? periodRange(series.interval, name)[0];
  return {
    ...{ series, seriesId: seriesId(series), period: name, candles: 10, hotRows: 10 },
    ...{ firstOpenTime: at, lastOpenTime: at, filed: false, watched: false, newestOpenTime: at },
    ...given,
  };
}

const MARCH = utc("2024-03-01");
const names = (periods: readonly ArchivablePeriod[]) =>
  periods.map(({ seriesId, period }) => `${seriesId.slice(8, 11)} ${period}`);

for (
  const [title, periods, policy, file, drop] of [
    [
      "a period is filed two days after its end",
      [period("2024-02")],
      {
        now: MARCH + 2 * DAY_MS,
      },
      ["BTC 2024-02"],
      [],
    ],
    ["and not a moment sooner", [period("2024-02")], { now: MARCH + 2 * DAY_MS - 1 }, [], []],
    [
      "a watched series' period waits for a candle beyond its end: the clock may be days ahead",
      [period("2024-02", { watched: true, newestOpenTime: MARCH - 60_000 })],
      { now: MARCH + 20 * DAY_MS },
      [],
      [],
    ],
    [
      "with such a candle it is filed",
      [period("2024-02", { watched: true, newestOpenTime: MARCH })],
      { now: MARCH + 2 * DAY_MS },
      ["BTC 2024-02"],
      [],
    ],
    [
      "a watched series that has been silent for a month has ended",
      [period("2024-02", { watched: true, newestOpenTime: MARCH - 60_000 })],
      { now: MARCH + 31 * DAY_MS },
      ["BTC 2024-02"],
      [],
    ],
    [
      "a limit keeps later periods back",
      [period("2024-01"), period("2024-02")],
      {
        ...{ now: MARCH + 9 * DAY_MS, before: utc("2024-02-01") },
      },
      ["BTC 2024-01"],
      [],
    ],
    [
      "a limit in the future hurries nothing",
      [period("2024-02")],
      {
        ...{ now: MARCH, before: MARCH + 9 * DAY_MS },
      },
      [],
      [],
    ],
    ["the open period stays", [period("2024-03")], { now: MARCH + 9 * DAY_MS }, [], []],
    [
      "an emptied period has nothing to file",
      [period("2024-01", { candles: 0, hotRows: 0 })],
      {
        now: MARCH,
      },
      [],
      [],
    ],
    [
      "rows go when their last candle has left the hot window",
      [
        period("2024-01", { filed: true, lastOpenTime: utc("2024-01-31") }),
      ],
      { now: utc("2024-01-31") + 60_000 + 40 * DAY_MS, hotDays: 40 },
      [],
      ["BTC 2024-01"],
    ],
    [
      "and stay while it is in",
      [
        period("2024-01", { filed: true, lastOpenTime: utc("2024-01-31") }),
      ],
      { now: utc("2024-01-31") + 60_000 + 40 * DAY_MS - 1, hotDays: 40 },
      [],
      [],
    ],
    [
      "what is old gets its file and loses its rows in one run",
      [period("2023-01")],
      {
        now: utc("2024-06-01"),
      },
      ["BTC 2023-01"],
      ["BTC 2023-01"],
    ],
    [
      "a period without end stays in rows while they are young",
      [period("all", { series: DAYS, firstOpenTime: MARCH, lastOpenTime: MARCH + 90 * DAY_MS })],
      { now: MARCH + 366 * DAY_MS - 1 },
      [],
      [],
    ],
    [
      "a period without end is filed once it holds an old candle, and keeps the rows of others",
      [period("all", { series: DAYS, firstOpenTime: MARCH, lastOpenTime: MARCH + 90 * DAY_MS })],
      { now: MARCH + 366 * DAY_MS },
      ["BTC all"],
      [],
    ],
    [
      "a period without end ends before nothing",
      [period("all", { series: DAYS, lastOpenTime: 0 })],
      { now: utc("2024-06-01"), before: utc("2024-05-01") },
      [],
      [],
    ],
    [
      "series by series, oldest first",
      [
        period("2023-02"),
        period("2023-01", { series: { ...BTC, symbol: "ETH/USDT" } }),
        period("2023-01"),
      ],
      { now: utc("2023-06-01") },
      ["BTC 2023-01", "BTC 2023-02", "ETH 2023-01"],
      [],
    ],
  ] as const
) {
  Deno.test(`archive plan: ${title}`, () => {
    const plan = planArchive(periods, { hotDays: 365, ...policy });
    deepEqual([names(plan.file), names(plan.drop)], [file, drop]);
  });
}

Deno.test("archive plan: never touches what is open, filed already or without rows", () => {
  const anyPeriod = fc.record({
    at: fc.integer({ min: utc("2020-01-01"), max: utc("2024-12-31") }),
    interval: fc.constantFrom("1s", "1m", "1h", "1d"),
    candles: fc.nat(3),
    filed: fc.boolean(),
    kept: fc.boolean(),
  }).map(({ at, interval, candles, filed, kept }) =>
    period(periodOf(interval, at), {
      ...{ series: { ...BTC, interval }, candles, filed: filed && candles > 0, lastOpenTime: at },
      hotRows: filed && !kept ? 0 : candles,
    })
  );
  const policy = fc.record({
    now: fc.integer({ min: utc("2020-01-01"), max: utc("2026-01-01") }),
    hotDays: fc.integer({ min: 1, max: 1_000 }),
    before: fc.option(fc.integer({ min: utc("2020-01-01"), max: utc("2026-01-01") }), {
      nil: undefined,
    }),
  });
  fc.assert(fc.property(fc.array(anyPeriod, { maxLength: 8 }), policy, (periods, given) => {
    const { file, drop } = planArchive(periods, given);
    const end = ({ series, period, firstOpenTime }: ArchivablePeriod) => {
      if (period !== "all") return periodRange(series.interval, period)[1];
      const old = (firstOpenTime ?? 0) + DAY_MS <= given.now - given.hotDays * DAY_MS;
      return old && given.before === undefined ? 0 : Infinity;
    };
    const limit = Math.min(given.before ?? Infinity, given.now - 2 * DAY_MS);
    deepEqual(
      new Set(file),
      new Set(periods.filter((one) => one.candles > 0 && !one.filed && end(one) <= limit)),
    );
    deepEqual(drop.filter((one) => one.hotRows === 0 || end(one) > limit), []);
    deepEqual(drop.filter((one) => !one.filed && !file.includes(one)), []);
  }));
});
