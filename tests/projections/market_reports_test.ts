import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { MarketReportEvent, MarketReportRow } from "@/events/catalog/market_report.ts";
import type { ReportFilter, ReportQueries, ReportView } from "@/projections/report_queries.ts";
import { crawlerTest } from "./crawler_world.ts";

const answer = { sha256: "a".repeat(64), sizeBytes: 10 };

function report(over: Partial<MarketReportRow> = {}): MarketReportRow {
  return {
    ...{ kind: "rating", exchange: "SHFE", product: "rb", contract: null },
    ...{ reportDate: "2026-03-02", values: { rating: "long" } },
    ...over,
  };
}

function crawled(
  rows: readonly MarketReportRow[],
  { source = "founderfu", capturedAt = 1_000 }: { source?: string; capturedAt?: number } = {},
): MarketReportEvent {
  const page = { source, runId: "run-1", page: "ratings", capturedAt, answer };
  return { type: "MarketReportCrawled", data: { ...page, rows: [...rows] } };
}

function view(over: Partial<ReportView> = {}): ReportView {
  return { ...report(), source: "founderfu", capturedAt: 1_000, ...over };
}

async function all(
  { findReports }: ReportQueries,
  filter: Partial<ReportFilter> = {},
): Promise<readonly ReportView[]> {
  const { reports, total } = await findReports({ page: 1, size: 100_000, ...filter });
  equal(total, reports.length);
  return reports;
}

/** In the order of answers: the newest date first, then by bytes. */
function sorted(reports: readonly ReportView[]): ReportView[] {
  const key = (
    { source, kind, product, contract }: ReportView,
  ) => [source, kind, product, contract ?? ""];
  const before = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
  return reports.toSorted((a, b) => {
    const rest = key(a).map((part, at) => before(part, key(b)[at] ?? ""));
    return [before(b.reportDate, a.reportDate), ...rest].find((order) => order !== 0) ?? 0;
  });
}

/** Of each identity the report that was captured last, of equals the one later in the log. */
function expected(events: readonly MarketReportEvent[]): ReportView[] {
  const newest = new Map<string, ReportView>();
  for (const { data: { source, capturedAt, rows } } of events) {
    for (const row of rows) {
      const { kind, product, contract, reportDate } = row;
      const key = JSON.stringify([source, kind, product, contract, reportDate]);
      if ((newest.get(key)?.capturedAt ?? -Infinity) > capturedAt) continue;
      newest.set(key, { ...row, source, capturedAt });
    }
  }
  return sorted([...newest.values()]);
}

const row = fc.record({
  kind: fc.constantFrom("rating", "daily", "volatility"),
  exchange: fc.option(fc.constantFrom("SHFE", "DCE")),
  product: fc.constantFrom("rb", "RB", "螺纹钢", `"],["`),
  contract: fc.option(fc.constantFrom("rb2605", "m")),
  reportDate: fc.constantFrom("2026-03-02", "2026-03-03", "0000-01-01"),
  values: fc.dictionary(
    fc.constantFrom("a", "b", "constructor"),
    fc.constantFrom(null, 1.5, "NaN"),
  ),
});
const event = fc.record({
  rows: fc.array(row, { minLength: 1, maxLength: 12 }),
  source: fc.constantFrom("founderfu", "sina"),
  capturedAt: fc.integer({ min: 1, max: 4 }),
}).map(({ rows, ...how }) => crawled(rows, how));

const RB = report();
const CONTRACT = report({ contract: "rb2605", kind: "volatility", reportDate: "2026-03-03" });
const MEAL = report({ product: "m", exchange: "DCE", reportDate: "2026-03-01" });
const ABROAD = report({ product: "WTI", exchange: null });

crawlerTest("market reports", {
  async "show what a page said, and what it says later of the same instead"(world) {
    const { append, reports } = world;
    await append(crawled([RB, CONTRACT]));
    deepEqual(await all(reports), [view(CONTRACT), view(RB)]);
    const turned = { ...RB, exchange: "INE", values: { rating: "short", note: [{ deep: null }] } };
    await append(crawled([turned], { capturedAt: 2_000 }));
    deepEqual(await all(reports), [view(CONTRACT), view({ ...turned, capturedAt: 2_000 })]);
  },

  async "keep the report that was captured last, whenever it was recorded"({ append, reports }) {
    const said = (rating: string) => report({ values: { rating } });
    await append(crawled([said("newest")], { capturedAt: 9 }));
    await append(crawled([said("late")], { capturedAt: 8 }));
    deepEqual((await all(reports))[0]?.values, { rating: "newest" });
    await append(crawled([said("same time")], { capturedAt: 9 }));
    deepEqual((await all(reports))[0]?.values, { rating: "same time" });
    const twice = [said("first"), said("second")];
    await append(crawled(twice, { capturedAt: 10 }));
    deepEqual((await all(reports)).map(({ values }) => values), [{ rating: "second" }]);
  },

  async "tell identities apart that look alike"({ append, reports }) {
    const alike = [
      ...[report({ product: "a", contract: "b" }), report({ product: "ab" })],
      ...[report({ product: "a" }), report({ product: "A" }), report({ product: `a","b` })],
      ...[report({ product: "a", kind: "daily" }), report({ product: "a", contract: "null" })],
    ];
    await append(crawled(alike), crawled(alike, { source: "sina" }));
    equal((await all(reports)).length, 14);
    await append(crawled(alike), crawled(alike, { source: "sina" }));
    equal((await all(reports)).length, 14);
  },

  async "are found by each filter, and by pages"({ append, reports }) {
    await append(crawled([RB, CONTRACT, MEAL, ABROAD]), crawled([RB], { source: "sina" }));
    const found: readonly [Partial<ReportFilter>, readonly ReportView[]][] = [
      [{}, [view(CONTRACT), view(ABROAD), view(RB), view({ source: "sina" }), view(MEAL)]],
      [{ source: "sina" }, [view({ source: "sina" })]],
      [{ kind: "volatility" }, [view(CONTRACT)]],
      [{ kind: "nothing" }, []],
      [{ exchange: "DCE" }, [view(MEAL)]],
      [{ product: "rb", source: "founderfu" }, [view(CONTRACT), view(RB)]],
      [{ product: "r%" }, []],
      [{ contract: "rb2605" }, [view(CONTRACT)]],
      [{ date: "2026-03-01" }, [view(MEAL)]],
      [{ from: "2026-03-03" }, [view(CONTRACT)]],
      [{ to: "2026-03-01" }, [view(MEAL)]],
      [{ from: "2026-03-01", to: "2026-03-02", exchange: "DCE" }, [view(MEAL)]],
    ];
    for (const [filter, expected] of found) {
      deepEqual(await all(reports, filter), expected, JSON.stringify(filter));
    }
    const pages = await Promise.all(
      [1, 2, 3, 4].map((page) => reports.findReports({ page, size: 2 })),
    );
    deepEqual(pages.map(({ total }) => total), [5, 5, 5, 5]);
    deepEqual(pages.map(({ reports }) => reports.length), [2, 2, 1, 0]);
    deepEqual(pages.flatMap(({ reports }) => reports), found[0]?.[1]);
  },

  async "tell how far those of a source reach"({ append, reports }) {
    deepEqual(await reports.heldOf("founderfu"), { newest: undefined, since: undefined });
    await append(crawled([RB, CONTRACT], { capturedAt: 5 }), crawled([MEAL], { capturedAt: 7 }));
    await append(crawled([MEAL], { source: "sina", capturedAt: 3 }));
    deepEqual(await reports.heldOf("founderfu"), { newest: "2026-03-03", since: 5 });
    deepEqual(await reports.heldOf("sina"), { newest: "2026-03-01", since: 3 });
    deepEqual(
      [await reports.hasValue("sina", "rating"), await reports.hasValue("sina", "nothing")],
      [true, false],
    );
    equal(await reports.hasValue("openvlab", "rating"), false);
    await append(crawled([RB, CONTRACT], { capturedAt: 9 }));
    deepEqual(await reports.heldOf("founderfu"), { newest: "2026-03-03", since: 7 });
  },

  async "tell what is held of some dates, and up to when of each contract"({ append, reports }) {
    const daily = (contract: string, reportDate: string) =>
      report({ kind: "daily", contract, reportDate });
    const [old, newest] = [daily("rb2605", "2026-03-01"), daily("rb2605", "2026-03-04")];
    await append(crawled([RB, old, newest, daily("m2605", "2026-03-02")]));
    await append(crawled([MEAL], { source: "sina" }));
    deepEqual(await reports.heldOn("founderfu", ["2026-03-04", "2026-03-05"]), [newest]);
    deepEqual((await reports.heldOn("founderfu", [RB.reportDate])).length, 2);
    deepEqual(await reports.heldOn("founderfu", []), []);
    deepEqual(
      [...await reports.newestDailies("founderfu")].toSorted(),
      [["m2605", "2026-03-02"], ["rb2605", "2026-03-04"]],
    );
    await append(crawled([], { capturedAt: 9 }));
    deepEqual((await all(reports)).length, 5, "an answer without news changes nothing");
  },

  async "take events that are as large as they may be, many of them in one batch"(world) {
    const { append, reports } = world;
    const many = (day: number) =>
      Array.from(
        { length: 500 },
        (_, n) => report({ product: `p${n}`, reportDate: `2026-03-0${day}`, values: { n, day } }),
      );
    await append(...[1, 2, 3, 1, 2].map((day, at) => crawled(many(day), { capturedAt: at })));
    const { reports: page, total } = await reports.findReports({ page: 2, size: 500 });
    equal(total, 1_500);
    deepEqual([...new Set(page.map(({ capturedAt, values }) => [capturedAt, values.day].join()))], [
      "4,2",
    ]);
    const { before, after } = await world.rebuilt();
    deepEqual(after, before);
  },

  async "are those of the oracle, however events fall into batches, and a rebuild agrees"(world) {
    const { append, reports } = world;
    const events: MarketReportEvent[] = [];
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 4 }), async (batch) => {
        events.push(...batch);
        await append(...batch);
        deepEqual(await all(reports), expected(events));
      }),
      // What was appended stays: a smaller example would not start anew.
      { numRuns: 10, endOnFailure: true },
    );
    const { before, after } = await world.rebuilt();
    deepEqual(after, before);
    deepEqual(await all(reports), expected(events));
  },
});
