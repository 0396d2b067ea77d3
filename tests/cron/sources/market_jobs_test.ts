import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { marketJobs, type MarketJobsDeps } from "@/cron/sources/market_jobs.ts";
import type { Job } from "@/cron/job.ts";
import type { KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { MarketSource, SourceAnswer } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { SourceError } from "@/domain/ports/source_error.ts";
import { openMemoryBlobs } from "@/adapters/blobs/memory.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import type { MarketReportEvent } from "@/events/catalog/market_report.ts";
import type { Recorded } from "@/events/define.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import { trusted } from "@/events/trust.ts";
import { candle, utc } from "@/tests/support/candles.ts";
import { type FakeClock, fakeClock } from "@/tests/support/fake_clock.ts";
import { jobRun } from "@/tests/support/job_run.ts";

const NOW = Date.parse("2026-09-08T10:00:00Z");
const at = (text: string) => Date.parse(`${text}+08:00`);

const noIngest: KlineIngest = {
  ingestCandles: () => Promise.reject(new Error("not asked")),
  ingestFiles: () => Promise.reject(new Error("not asked")),
};

/** A source that answers so many reports, and which days it was asked for. */
function desk(
  name: SourceName,
  rows: number,
  {
    clock = fakeClock(NOW),
    ingest = noIngest,
    series = [],
    failures = [],
    log,
    onFetch,
    isAway = false,
  }: {
    readonly clock?: FakeClock;
    readonly ingest?: KlineIngest;
    readonly series?: SourceAnswer["series"];
    readonly failures?: SourceAnswer["failures"];
    readonly log?: MarketJobsDeps["log"];
    readonly onFetch?: () => void;
    /** The database. */
    readonly isAway?: boolean;
  } = {},
) {
  const asked: string[] = [];
  const bytes = new TextEncoder().encode("{}");
  const source: MarketSource = {
    ...{ name, missing: [] },
    fetch({ date }) {
      asked.push(date);
      onFetch?.();
      const answer: SourceAnswer = {
        rows: Array.from({ length: rows }, (_, n) => ({
          ...{ source: name, kind: "rating", exchange: null, product: `P${n}` } as const,
          ...{ reportDate: date, values: { price: "1", atmv_current: "20" } },
        })),
        ...{
          series,
          failures,
          raw: { bytes, contentType: "application/json" },
          sizeBytes: 2,
        },
      };
      return Promise.resolve(answer);
    },
  };
  const store = new MemoryEventStore({ catalog });
  const [job] = marketJobs({
    ...{ store, blobs: openMemoryBlobs(), ingest, clock, log },
    projections: { waitFor: () => Promise.resolve(true) },
    reports: reportsIn(store, isAway),
    sources: new Map([[name, source]]),
    schedules: {
      ...{ hzzhqx: "0 18 * * *", jiaoyikecha: "0 18 * * *", openvlab: "*/30 * * * *" },
      ...{ rongda: "0 17 * * *", rongda2: "0 17 * * *", founderfu: "50 8 * * *" },
      sina: "10 17 * * *",
    },
  });
  if (job === undefined) throw new Error("no job");
  return { job, asked, store };
}

/** The reports that the log holds, without a read model. */
function reportsIn(
  store: MemoryEventStore,
  isAway: boolean,
): MarketJobsDeps["reports"] {
  return {
    heldOf: () => Promise.resolve({}),
    async hasValue(source, field) {
      const log = await store.readAll({ after: 0, limit: 1_000 });
      return trusted<Recorded<MarketReportEvent>[]>(log).some(({ data }) =>
        data.source === source && data.rows.some(({ values }) => Object.hasOwn(values, field))
      );
    },
    newestDailies: () =>
      isAway
        ? Promise.reject(new DatabaseError("connection lost", { sqlstate: "08006" }))
        : Promise.resolve(new Map()),
    async heldOn(source, dates) {
      const log = await store.readAll({ after: 0, limit: 1_000 });
      return trusted<Recorded<MarketReportEvent>[]>(log)
        .flatMap(({ data }) => data.source === source ? data.rows : [])
        .filter(({ reportDate }) => dates.includes(reportDate));
    },
  };
}

Deno.test("a market page is due on trading days alone, volatilities within sessions", () => {
  const due = (name: SourceName, time: string) => desk(name, 1).job.isDue?.(at(time));
  deepEqual([due("sina", "2026-09-08T17:10"), due("sina", "2026-09-05T17:10")], [true, false]);
  deepEqual(
    ["2026-09-08T10:00", "2026-09-08T18:00", "2026-09-08T21:30", "2026-09-05T10:00"]
      .map((time) => due("openvlab", time)),
    [true, false, true, false],
  );
  deepEqual(
    ["11:00", "11:30", "12:00", "12:30", "13:00", "13:30", "15:00", "15:30"]
      .map((time) => due("openvlab", `2026-09-08T${time}`)),
    [true, false, false, false, true, true, true, false],
    "nothing trades over lunch",
  );
});

Deno.test("a market page is asked for the trading day, a quote of the evening for the next one", async () => {
  async function dateAsked(name: SourceName, time: string): Promise<string | undefined> {
    const { job, asked } = desk(name, 1);
    await job.run({ ...jobRun(), at: at(time) });
    return asked[0];
  }
  equal(await dateAsked("founderfu", "2026-09-08T20:50"), "2026-09-08");
  equal(await dateAsked("openvlab", "2026-09-08T21:30"), "2026-09-09");
  equal(await dateAsked("founderfu", "2026-09-06T12:00"), "2026-09-04", "by hand on a Sunday");
});

Deno.test("a market page of many rows goes into several events, and one that says the same into an empty one", async () => {
  const { job, store } = desk("founderfu", 1_201);
  const run = { ...jobRun(), at: NOW };
  const told = [];
  for (let n = 0; n < 3; n++) told.push(await job.run(run));
  deepEqual(
    told.map(({ rows, changedReports, unchangedReports }) => [
      ...[rows, changedReports, unchangedReports],
    ]),
    [[1_201, 1_201, 0], [1_201, 0, 1_201], [1_201, 0, 1_201]],
  );
  const events = trusted<Recorded<MarketReportEvent>[]>(
    await store.readAll({ after: 0, limit: 100 }),
  );
  deepEqual(events.map(({ type }) => type), Array(4).fill("MarketReportCrawled"));
  deepEqual(events.map(({ data }) => data.rows.length), [500, 500, 201, 0]);
  match(events[0]?.stream ?? "", /^market_report-founderfu-2026-09$/);
});

Deno.test("an empty answer is believed of a page, and not of a map of all products", async () => {
  const run = async (job: Job) => await job.run({ ...jobRun(), at: NOW });
  equal((await run(desk("founderfu", 0).job)).rows, 0);
  await rejects(run(desk("openvlab", 0).job), (error) => {
    match(String(error), /0 reports, expected at least 1/);
    return error instanceof SourceError && error.errorClass === "invalid" &&
      error.response?.bytes.length === 2;
  });
});

Deno.test("a site that fails is told from a database that is away", async () => {
  const { job, asked } = desk("founderfu", 1, {
    isAway: true,
    onFetch() {
      throw new SourceError("Cannot crawl founderfu: it wants a login", {
        ...{ source: "founderfu", errorClass: "login_required", op: "GET /" },
      });
    },
  });
  await rejects(job.run({ ...jobRun(), at: NOW }), /wants a login/);
  equal(asked.length, 1);
});

Deno.test("a list that the site does not have is a failure once its values are held", async () => {
  const gone = (unlessHeld: string) => ({
    ...{ name: "longhu_list", unlessHeld },
    error: new SourceError("Cannot crawl jiaoyikecha: POST longhu_list answers HTTP 404", {
      ...{ source: "jiaoyikecha", errorClass: "schema_changed", op: "POST longhu_list" },
    }),
  });
  const never = desk("jiaoyikecha", 2, { failures: [gone("longhu")] });
  for (let n = 0; n < 2; n++) {
    equal((await never.job.run({ ...jobRun(), at: NOW + n })).rows, 2);
  }
  const held = desk("jiaoyikecha", 2, { failures: [gone("price")] });
  equal((await held.job.run({ ...jobRun(), at: NOW })).rows, 2);
  await rejects(held.job.run({ ...jobRun(), at: NOW + 1 }), /longhu_list answers HTTP 404/);
});

Deno.test("a run of dailies counts the candles that it stored beside its reports", async () => {
  const ingest: KlineIngest = {
    ...noIngest,
    ingestCandles(_series, candles) {
      const stored = { ingested: candles.length, revised: 0, unchanged: 0, heldBetter: 0 };
      return Promise.resolve({
        ...{ ...stored, rejectedTotal: 0, rejected: [], position: 0, visible: true },
      });
    },
  };
  const days = ["2026-09-03", "2026-09-04", "2026-09-07"];
  const { job } = desk("sina", 1, {
    ingest,
    series: [{
      ...{ symbol: "RB0", interval: "1d", offCalendar: [] },
      candles: days.map((day) => candle({ openTime: utc(day) })),
    }],
  });
  equal((await job.run({ ...jobRun(), at: NOW })).rows, 4);
});

Deno.test("a day's bar is final by the time when it was asked for, however long the answer took", async () => {
  const stored: number[] = [];
  const ingest: KlineIngest = {
    ...noIngest,
    ingestCandles(_series, candles) {
      stored.push(...candles.map(({ openTime }) => openTime));
      const none = { ingested: 0, revised: 0, unchanged: 0, heldBetter: 0, rejectedTotal: 0 };
      return Promise.resolve({ ...none, rejected: [], position: 0, visible: true });
    },
  };
  const [day, before] = [utc("2026-09-08"), utc("2026-09-07")];
  for (const [time, expected] of [["15:14:58", [before]], ["15:15:00", [before, day]]] as const) {
    stored.length = 0;
    const clock = fakeClock(at(`2026-09-08T${time}`));
    const { job } = desk("sina", 1, {
      ...{ clock, ingest },
      series: [{
        ...{ symbol: "RB0", interval: "1d", offCalendar: [] },
        candles: [before, day].map((openTime) => candle({ openTime })),
      }],
      onFetch: () => clock.advance(5_000),
    });
    await job.run({ ...jobRun(), at: clock.now() });
    deepEqual(stored, expected, time);
  }
});

Deno.test("a symbol that fails or cannot be true stops no other: those are kept, the run names it", async () => {
  const kept: string[] = [];
  const ingest: KlineIngest = {
    ...noIngest,
    ingestCandles({ symbol }) {
      kept.push(symbol);
      const none = { ingested: 0, revised: 0, unchanged: 0, heldBetter: 0, rejectedTotal: 0 };
      return Promise.resolve({ ...none, rejected: [], position: 0, visible: true });
    },
  };
  const series = (symbol: string, last: string) => ({
    ...{ symbol, interval: "1d" as const, offCalendar: [] },
    candles: [["2026-09-04", "3000"], ["2026-09-07", last]].map(([day = "", close = ""]) =>
      candle({ openTime: utc(day), open: close, high: close, low: close, close })
    ),
  });
  const error = new SourceError("Cannot crawl sina: it has no contract XX0", {
    ...{ source: "sina", errorClass: "invalid", op: "GET /" },
  });
  const { job, store } = desk("sina", 2, {
    ...{ ingest, series: [series("RB0", "6100"), series("AU0", "3100")] },
    failures: [{ name: "XX0", error }],
  });
  await rejects(job.run({ ...jobRun(), at: NOW }), (error) => {
    ok(error instanceof SourceError);
    equal(
      error.message,
      "Cannot crawl sina: RB0 closes at 6100 after 3000; it has no contract XX0",
    );
    deepEqual(error.stored, { rows: 2, bytes: 2 }, "what was kept of the others");
    return !error.retryable;
  });
  deepEqual(kept, ["AU0"]);
  equal((await store.readAll({ after: 0, limit: 10 })).length, 1);
});

Deno.test("a daily run warns of the end of the trading calendar, once that is near", async () => {
  for (const [day, warnings] of [["2026-10-31", 0], ["2026-11-01", 1]] as const) {
    const said: string[] = [];
    const log = { warn: (message: string) => void said.push(message) };
    const { job } = desk("sina", 1, { clock: fakeClock(at(`${day}T17:10`)), log });
    await job.run({ ...jobRun(), at: NOW });
    equal(said.length, warnings);
  }
});
