import { deepEqual, equal, ok } from "node:assert/strict";
import { openSources } from "@/adapters/sources/sources.ts";
import { marketJobs } from "@/cron/sources/market_jobs.ts";
import type { Job } from "@/cron/job.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { SOURCE_NAMES } from "@/domain/ports/source_names.ts";
import type { RaisedAlert } from "@/events/catalog/alert.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import type { MarketReportEvent } from "@/events/catalog/market_report.ts";
import type { Recorded } from "@/events/define.ts";
import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { databases } from "@/tests/support/database.ts";
import { type FakeClock, fakeClock } from "@/tests/support/fake_clock.ts";
import { COOKIE, credential, SELECTORS, TOKEN } from "@/tests/support/open_sites.ts";
import { seededFaults } from "@/tests/support/source_faults.ts";
import { createSites, fetchFrom, SITE_URLS } from "@/tests/support/source_server.ts";
import { type Instance, notedChannel, startInstance } from "@/tests/support/supervised.ts";
import { tablePageReader } from "@/tests/support/table_page_reader.ts";

/** 2026-09-08, 09:00 in Shanghai. */
const NOW = Date.parse("2026-09-08T01:00:00Z");
const TICK_MS = 5 * 60_000;
const SEED = Number(Deno.env.get("TEST_SEED") ?? Math.floor(Math.random() * 1_000_000));
const ENDS = /^Crawler(Succeeded|Failed|TimedOut|Crashed|Skipped)$/;

/** The six sources of the desk and the seventh, each every five minutes, each request at risk. */
function desk(seed: number, clock: FakeClock) {
  const [seldom, often] = [seededFaults(seed, { every: 6 }), seededFaults(seed, { every: 2 })];
  const sites = createSites({
    faults(request) {
      const { source, nOfSource } = request;
      // Long enough for every attempt of a run: what chance seldom gives is there each time.
      const isDown = nOfSource >= 10 && nOfSource < 30;
      if (isDown && source === "founderfu") return { kind: "hang" };
      if (isDown && source === "sina") return { kind: "server_error" };
      return source === "openvlab" ? often(request) : seldom(request);
    },
  });
  const fetch = fetchFrom(sites);
  const access = { token: credential(TOKEN), cookie: credential(COOKIE) };
  const sources = openSources({
    ...{ clock, fetch, urls: SITE_URLS, pages: tablePageReader(fetch), intervalMs: 0 },
    access: {
      ...{ hzzhqx: access, founderfu: access, sina: access, openvlab: access },
      jiaoyikecha: { ...access, selectors: SELECTORS.jiaoyikecha },
      rongda: { ...access, selectors: SELECTORS.page },
      rongda2: { ...access, selectors: SELECTORS.page },
    },
  });
  const schedules = trusted<Record<typeof SOURCE_NAMES[number], string>>(
    Object.fromEntries(SOURCE_NAMES.map((name) => [name, "*/5 * * * *"])),
  );
  return { sources, schedules, sites };
}

/** Dailies go another way; what counts here is that a run of theirs is one. */
const noCandles = {
  ingestCandles: () =>
    Promise.resolve({
      ...{ ingested: 0, revised: 0, unchanged: 0, heldBetter: 0, rejectedTotal: 0, rejected: [] },
      ...{ position: 0, visible: true },
    }),
  ingestFiles: () => Promise.reject(new Error("not asked")),
};

interface Proof {
  readonly runs: number;
  /** The database goes away at a tick, for some. */
  readonly outage: { readonly from: number; readonly ticks: number };
}

/** Instances on one database, until so many runs are over and all is told. */
async function runDesk(
  open: readonly (() => Promise<Database>)[],
  { runs: wanted, outage }: Proof,
): Promise<{ log: readonly Recorded[]; told: readonly RaisedAlert[]; reports: number }> {
  const clock = fakeClock(NOW);
  let sends = 0;
  const channel = notedChannel(
    "robot",
    () =>
      ++sends % 7 === 0
        ? new AdapterError("Cannot tell: 503", { port: "alerts", op: "send", retryable: true })
        : undefined,
  );
  const { sources, schedules } = desk(SEED, clock);
  const instances: Instance[] = [];
  for (const [n, database] of open.entries()) {
    instances.push(
      await startInstance(await database(), {
        ...{ clock, channels: [channel], random: seeded(SEED + n) },
        isBusy: () => instances.some((other) => other.isBusy()),
        sources: (parts) =>
          marketJobs({ ...parts, sources, schedules, clock, ingest: noCandles })
            .map((job): Job => ({ ...job, isDue: undefined })),
      }),
    );
  }
  const [first] = instances;
  ok(first);
  async function pass(): Promise<void> {
    clock.advance(TICK_MS - (clock.now() % TICK_MS));
    await Promise.all(instances.map((instance) => instance.tick()));
  }
  const everyIdle = () => Promise.all(instances.map((instance) => instance.idle()));
  try {
    for (const instance of instances) await instance.tick();
    let ended = 0;
    for (let tick = 1; ended < wanted; tick++) {
      const isCut = tick >= outage.from && tick < outage.from + outage.ticks;
      if (tick === outage.from) instances.forEach(({ cut }) => cut(true));
      if (tick === outage.from + outage.ticks) instances.forEach(({ cut }) => cut(false));
      await pass();
      // Runs cannot end before the database is back.
      if (!isCut) await everyIdle();
      if (tick % 20 === 0 && !isCut) {
        ended = (await first.queries.findRuns({ page: 1, size: 1 })).total;
      }
    }
    // Nothing new; what is left is told within the hour.
    for (const source of SOURCE_NAMES) {
      const doer = { actor: "admin", commandId: crypto.randomUUID() };
      await first.supervisor.pause(source, { ...doer, reason: "the end of the proof" });
    }
    for (let n = 0; n < 16; n++) {
      await pass();
      await everyIdle();
      await first.until(() => instances.every(({ waiting }) => waiting() === 0));
    }
    const { total: reports } = await first.reports.findReports({ page: 1, size: 1 });
    const log = await first.store.readAll({ after: 0, limit: 100_000 });
    return { log, reports, told: channel.told.flatMap(({ alerts }) => alerts) };
  } finally {
    for (const instance of instances) await instance.stop();
  }
}

function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state ^ state >>> 15, 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return state / 2 ** 32;
  };
}

function verify(
  { log, told, reports }: Awaited<ReturnType<typeof runDesk>>,
  { runs: wanted }: Proof,
): void {
  const runEvents = trusted<Recorded<CrawlerRunEvent>[]>(
    log.filter(({ stream }) => stream.startsWith("crawler_run-")),
  );
  const runs = Map.groupBy(runEvents, ({ data }) => data.runId);
  const finals = new Map<string, string>();
  for (const [runId, events] of runs) {
    const ends = events.filter(({ type }) => ENDS.test(type));
    equal(ends.length, 1, `run ${runId} has ${ends.length} ends`);
    equal(events.at(-1), ends[0], `run ${runId} goes on after its end`);
    finals.set(runId, ends[0]?.type ?? "");
  }
  const counts = Map.groupBy(finals.values(), (type) => type);
  ok(finals.size >= wanted, `${finals.size} runs`);
  // A proof in which nothing fails, or nothing succeeds, proves nothing.
  for (const type of ["CrawlerSucceeded", "CrawlerFailed", "CrawlerTimedOut"]) {
    ok((counts.get(type)?.length ?? 0) > 0, `${counts.get(type)?.length} ${type}`);
  }

  const running = new Map<string, string>();
  for (const { type, data: { source, runId } } of runEvents) {
    if (type === "CrawlerRunStarted") {
      equal(running.get(source), undefined, `${source} ran twice at a time`);
      running.set(source, runId);
    } else if (ENDS.test(type) && type !== "CrawlerSkipped") running.delete(source);
  }

  const ran = new Set<string>();
  for (const { type, data } of runEvents) {
    if (type === "CrawlerRunStarted") ran.add(`${data.source}/${data.scheduledFor}`);
  }
  for (const { type, data } of runEvents) {
    // What an open breaker kept waiting is made up for.
    if (type !== "CrawlerSkipped" || data.reason === "breaker_open") continue;
    ok(!ran.has(`${data.source}/${data.scheduledFor}`), `${data.reason} of a time that ran`);
  }

  const failed = [...finals].filter(([, type]) => /Failed|TimedOut|Crashed/.test(type))
    .map(([runId]) => runId);
  const raised = trusted<Recorded<{ type: "AlertRaised"; data: RaisedAlert }>[]>(
    log.filter(({ type }) => type === "AlertRaised"),
  );
  const alerted = raised.flatMap(({ data }) => data.failures.map(({ runId }) => runId));
  deepEqual(alerted.toSorted(), failed.toSorted(), "every final failure is alerted once");
  const ids = raised.map(({ data }) => data.alertId);
  deepEqual(told.map(({ alertId }) => alertId).toSorted(), ids.toSorted(), "each is told once");

  const crawled = trusted<Recorded<MarketReportEvent>[]>(
    log.filter(({ type }) => type === "MarketReportCrawled"),
  );
  const identities = new Set<string>();
  const rowsOf = new Map<string, Set<string>>();
  for (const { data: { source, runId, rows } } of crawled) {
    const seen = rowsOf.get(runId) ?? new Set();
    rowsOf.set(runId, seen);
    for (const { kind, product, contract, reportDate } of rows) {
      const identity = JSON.stringify([source, kind, product, contract, reportDate]);
      ok(!seen.has(identity), `${identity} twice in run ${runId}`);
      seen.add(identity);
      identities.add(identity);
    }
  }
  // What is held in the same words is not recorded again: a run's rows are those of its source.
  const held = new Map<string, Set<string>>();
  for (const event of trusted<Recorded<MarketReportEvent | CrawlerRunEvent>[]>(log)) {
    if (event.type === "MarketReportCrawled") {
      const { source, rows } = event.data;
      const known = held.get(source) ?? new Set();
      held.set(source, known);
      for (const { values: _, exchange: _e, ...identity } of rows) {
        known.add(JSON.stringify(identity));
      }
    } else if (event.type === "CrawlerSucceeded") {
      const { source, rows, runId } = event.data;
      ok((rowsOf.get(runId)?.size ?? 0) <= rows, "no row is recorded that was not crawled");
      ok((held.get(source)?.size ?? 0) >= rows, `no row of ${source} is lost`);
    }
  }
  equal(reports, identities.size, "no row is doubled");
}

for (const { name, open } of databases()) {
  const wanted = Number(Deno.env.get("TEST_RUNS") ?? 1_000);
  Deno.test(`${wanted} seeded runs on ${name} end once, are told once, lose and double nothing (seed ${SEED})`, async () => {
    const { database, close } = await open();
    const proof = { runs: wanted, outage: { from: 40, ticks: 6 } };
    try {
      verify(await runDesk([() => Promise.resolve(database)], proof), proof);
    } finally {
      await close();
    }
  });

  if (name === "pglite") continue;
  Deno.test(`two instances on one ${name} never double a run (seed ${SEED})`, async () => {
    const { database, again, close } = await open();
    const proof = { runs: Math.min(wanted, 300), outage: { from: 10, ticks: 4 } };
    try {
      verify(await runDesk([() => Promise.resolve(database), again], proof), proof);
    } finally {
      await close();
    }
  });
}
