import { deepEqual, equal, match, ok } from "node:assert/strict";
import { openSources } from "@/adapters/sources/sources.ts";
import { DEFAULT_SOURCE_SCHEDULES } from "@/source_settings.ts";
import { marketJobs } from "@/cron/sources/market_jobs.ts";
import { refuseBroken } from "@/cron/sources/refuse_broken.ts";
import { SOURCE_NAMES, type SourceName } from "@/domain/ports/source_names.ts";
import type { Database } from "@/events/store/database.ts";
import type { CrawlerRunView } from "@/projections/crawler_queries.ts";
import { databaseSteps } from "@/tests/support/database_steps.ts";
import { fakeClock } from "@/tests/support/fake_clock.ts";
import { credential, openSites, SELECTORS, sourceOf } from "@/tests/support/open_sites.ts";
import { realDataTest } from "@/tests/support/shared_data.ts";
import { sharedSamples, smallSamples, type SourceSamples } from "@/tests/support/source_samples.ts";
import { createSites, fetchFrom, SITE_URLS } from "@/tests/support/source_server.ts";
import { startInstance } from "@/tests/support/supervised.ts";
import { tablePageReader } from "@/tests/support/table_page_reader.ts";

const NOW = Date.parse("2026-09-08T18:30:00+08:00");
const DAY = 86_400_000;

interface Desk {
  readonly small: SourceSamples;
  /** Runs a source on what its site answers now; how the run ended. */
  crawl(source: SourceName, samples?: Partial<SourceSamples>): Promise<CrawlerRunView>;
  /** Reports that are kept, and calls that brought candles. */
  kept(source: SourceName): Promise<readonly [reports: number, candles: number]>;
  sleep(ms: number): void;
}

/** The seven sources under a supervisor, each asked by hand. */
async function inDesk(database: Database, run: (desk: Desk) => Promise<void>): Promise<void> {
  await database.script("drop schema public cascade; create schema public;");
  const [clock, small] = [fakeClock(NOW), smallSamples()];
  const samples: SourceSamples = { ...small };
  const fetch = fetchFrom(createSites({ samples }));
  const page = { cookie: credential("a=1"), selectors: SELECTORS.page };
  const sources = openSources({
    ...{ clock, fetch, urls: SITE_URLS, pages: tablePageReader(fetch), intervalMs: 0 },
    access: { rongda: page, rongda2: page },
  });
  let candles = 0;
  const ingest = {
    ingestCandles() {
      candles++;
      const none = { ingested: 0, revised: 0, unchanged: 0, heldBetter: 0, rejectedTotal: 0 };
      return Promise.resolve({ ...none, rejected: [], position: 0, visible: true });
    },
    ingestFiles: () => Promise.reject(new Error("not asked")),
  };
  const instance = await startInstance(database, {
    clock,
    sources: (parts) =>
      marketJobs({ ...parts, clock, ingest, sources, schedules: DEFAULT_SOURCE_SCHEDULES }),
  });
  try {
    await run({
      small,
      async crawl(source, given = {}) {
        Object.assign(samples, small, given);
        const doer = { actor: "admin", commandId: crypto.randomUUID() };
        const { runId } = await instance.supervisor.run(source, doer);
        await instance.idle();
        const ended = await instance.queries.findRun(runId);
        ok(ended);
        return ended;
      },
      async kept(source) {
        return [(await instance.reports.findReports({ source, page: 1, size: 1 })).total, candles];
      },
      sleep: (ms) => clock.advance(ms),
    });
  } finally {
    await instance.stop();
  }
}

type Spoil = (small: SourceSamples) => Partial<SourceSamples>;

/** Answers of the right shape that cannot be true, and what is said of them. */
const BROKEN: readonly (readonly [SourceName, what: string, Spoil, says: RegExp])[] = [
  [
    ...["hzzhqx", "an empty view"] as const,
    () => ({ overallView: '{"success":true,"result":[]}' }),
    /0 reports, expected at least 1/,
  ],
  [
    ...["hzzhqx", "a share of more than everybody"] as const,
    ({ overallView }) => ({ overallView: overallView.replace("30.77", "3077") }),
    /excessive_ratio of RB is 3077, expected 0 to 100/,
  ],
  [
    ...["jiaoyikecha", "lists that are all empty"] as const,
    ({ jiaoyikecha }) => ({ jiaoyikecha: emptied(jiaoyikecha) }),
    /0 reports, expected at least 1/,
  ],
  [
    ...["jiaoyikecha", "receipts of less than nothing"] as const,
    ({ jiaoyikecha: { daily_wr = "", ...other } }) => ({
      jiaoyikecha: { ...other, daily_wr: daily_wr.replace("134546", "-134546") },
    }),
    /total_vol of RB is -134546, expected 0 to/,
  ],
  [
    ...["openvlab", "an empty map"] as const,
    () => ({ ctamap: '{"code":0,"result":[],"message":"ok"}' }),
    /0 reports, expected at least 1/,
  ],
  [
    ...["openvlab", "a map without one volatility"] as const,
    ({ ctamap }) => ({
      ctamap: ctamap.replace(/"atmv_current":"[^"]*"/g, '"atmv_current":"nan"'),
    }),
    /none of its 5 reports has a atmv_current/,
  ],
  [
    ...["openvlab", "an impossible volatility"] as const,
    ({ ctamap }) => ({ ctamap: ctamap.replace('"atmv_current":"9.91"', '"atmv_current":"-9.91"') }),
    /atmv_current of RB is -9.91/,
  ],
  [
    ...["openvlab", "the map of another day"] as const,
    ({ ctamap }) => ({ ctamap: ctamap.replaceAll("2026-09-08", "2026-08-20") }),
    /newest report is of 2026-08-21, one of 2026-09-09 is held/,
  ],
  ...(["rongda", "rongda2"] as const).map((name) =>
    [
      ...[name, "a table without one number"] as const,
      ({ page }: SourceSamples) => ({ page: page.replaceAll("-12.5", "-") }),
      /none of its 2 reports has a spread/,
    ] as const
  ),
  [
    ...["sina", "nothing of any contract"] as const,
    ({ dailies }) => ({ dailies: mapped(dailies, () => "var _X=([]);") }),
    /0 reports, expected at least 1/,
  ],
  [
    ...["sina", "a point that is lost"] as const,
    ({ dailies: { RB0 = "", ...other } }) => ({
      dailies: { ...other, RB0: RB0.replace('"c":"3017.000"', '"c":"30170.00"') },
    }),
    /RB0 closes at 3017 after 30170/,
  ],
];

function mapped(
  given: Readonly<Record<string, string>>,
  change: (text: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(given).map(([name, text]) => [name, change(text)]));
}

function emptied(given: Readonly<Record<string, string>>): Record<string, string> {
  const { all_varieties = "" } = given;
  return { ...mapped(given, () => '{"code":0,"data":[]}'), all_varieties };
}

databaseSteps(
  "rules of the seven sources",
  {
    async "refuse what cannot be true: once, in its words, with the answer, and keep nothing of it"(
      desk: Desk,
    ) {
      for (const name of SOURCE_NAMES) {
        const { status, errorMessage } = await desk.crawl(name);
        equal(status, "succeeded", `${name}: ${errorMessage}`);
        ok((await desk.kept(name))[0] > 0);
      }
      const stored: [SourceName, rows: number | null, hasBytes: boolean][] = [];
      for (const [name, what, spoil, says] of BROKEN) {
        const before = await desk.kept(name);
        const run = await desk.crawl(name, spoil(desk.small));
        deepEqual(
          [run.status, run.errorClass, run.attempts.length],
          ["failed", "ValidationFailed", 1],
          `${name}: ${what}`,
        );
        match(run.errorMessage ?? "", says);
        ok((run.attempts[0]?.response?.sizeBytes ?? 0) > 0, what);
        const [reports, candles] = before;
        const others = name === "sina" && what === "a point that is lost" ? 2 : 0;
        const kept = [reports, candles + others];
        deepEqual(await desk.kept(name), kept, `${name} keeps nothing of ${what}`);
        stored.push([name, run.rows, (run.bytes ?? 0) > 0]);
      }
      deepEqual(stored.filter(([, rows, hasBytes]) => rows !== null || hasBytes), [
        ...[["hzzhqx", 1, true], ["jiaoyikecha", 4, true], ["openvlab", 4, true]],
        ["sina", 2, true],
      ], "the run says what was kept of the sound rest");
    },

    async "refuse ratings without a rating, and believe lists that are not out"(desk: Desk) {
      const { small: { ratings } } = desk;
      const unrated = mapped(ratings, (text) => text.replace('"ratingforecast":"偏多"', '"x":"1"'));
      const run = await desk.crawl("founderfu", { ratings: unrated });
      deepEqual([run.status, run.errorClass], ["failed", "SchemaChanged"]);
      match(run.errorMessage ?? "", /data\.manyList\[0\]\.ratingforecast: expected text/);
      deepEqual(await desk.kept("founderfu"), [0, 0]);
      const none = mapped(ratings, () => '{"code":200,"data":null}');
      equal((await desk.crawl("founderfu", { ratings: none })).status, "succeeded");
      const page = '<p class="empty">none</p>';
      equal((await desk.crawl("rongda", { page })).status, "succeeded");
    },

    async "refuse answers that no longer move, once they are old"(desk: Desk) {
      // As old as it may be: whoever installs the service today knows no better.
      const old = (text: string) => text.replaceAll("2026-09-", "2026-03-");
      const stale = { dailies: mapped(desk.small.dailies, old), ctamap: old(desk.small.ctamap) };
      for (const name of ["sina", "openvlab"] as const) {
        equal((await desk.crawl(name, stale)).status, "succeeded", name);
        equal((await desk.crawl(name)).status, "succeeded", name);
      }
      desk.sleep(35 * DAY);
      const said = /newest report is of 2026-09-0\d, expected 2026-(09-2\d|10-\d\d) or later/;
      for (const name of ["sina", "openvlab"] as const) {
        const run = await desk.crawl(name);
        deepEqual([run.status, run.errorClass], ["failed", "ValidationFailed"], name);
        match(run.errorMessage ?? "", said);
      }
      const moved = desk.small.ctamap.replaceAll("2026-09-08", "2026-10-13");
      equal((await desk.crawl("openvlab", { ctamap: moved })).status, "succeeded");
    },

    async "believe honest moves: days at the limit, and a first day after a week of holidays"(
      desk: Desk,
    ) {
      desk.sleep(30 * DAY);
      const closes = ["1000", "1160", "1340", "1550", "930", "780", "655"];
      const days = ["09-23", "09-24", "09-28", "09-29", "09-30", "10-08", "10-09"];
      const bars = days.map((day, n) => ({
        ...{ d: `2026-${day}`, o: closes[n], h: closes[n], l: closes[n], c: closes[n] },
        ...{ v: "0", p: "1", s: "0" },
      }));
      const dailies = mapped(desk.small.dailies, () => `var _X=(${JSON.stringify(bars)});`);
      const run = await desk.crawl("sina", { dailies });
      deepEqual([run.status, run.errorMessage], ["succeeded", null]);
    },
  },
  ({ database }, step) => inDesk(database, step),
  { engines: ["pglite"] },
);

realDataTest("rules of the seven sources believe every real answer", async () => {
  const house = openSites({ samples: await sharedSamples() });
  for (const name of SOURCE_NAMES) {
    const date = "2026-09-08";
    const answer = await sourceOf(house, name).fetch({
      ...{ date, signal: new AbortController().signal },
    });
    ok(answer.rows.length > 0, name);
    refuseBroken(name, answer, { date, held: { newest: date, since: undefined } });
  }
});
