import { deepEqual, equal, throws } from "node:assert/strict";
import { openInstallation } from "@/cron/commands/open_data.ts";
import { createServiceWork } from "@/cron/commands/service_work.ts";
import { createJobs } from "@/cron/jobs.ts";
import { Refusal } from "@/domain/decider.ts";
import type { JobStatus } from "@/domain/ports/jobs.ts";
import { silentProgress } from "@/domain/ports/progress.ts";
import { systemClock } from "@/adapters/clock.ts";
import { candle } from "../../support/candles.ts";
import { type CrawlHouse, exchangesOf, openCrawlHouse } from "../../support/crawl_house.ts";
import { waitUntil } from "../../support/program.ts";
import { quietLog } from "../../support/quiet_log.ts";
import { tableExchange } from "../../support/table_exchange.ts";

const MINUTE = 60_000;
const NOW = Date.UTC(2024, 2, 1);
const START = NOW - 10 * MINUTE;

let opened: Promise<CrawlHouse> | undefined;
Deno.test.afterAll(async () => await (await opened)?.close());

/** What the API starts, over a venue that holds ten candles. */
async function open({ id }: { id: string }) {
  const { house, crawling } = await (opened ??= openCrawlHouse());
  const candles = Array.from({ length: 10 }, (_, n) => candle({ openTime: START + n * MINUTE }));
  const venue = tableExchange({ id, candles, now: () => NOW });
  const deps = crawling(exchangesOf(venue), { historyStart: START });
  const jobs = createJobs({ clock: systemClock, log: quietLog });
  const work = createServiceWork({
    ...{ jobs, crawling: deps, follower: house.follower, projectionNames: ["series"] },
  });
  const ended = async ({ id }: JobStatus) => {
    await waitUntil(() => Promise.resolve(jobs.find(id)?.status !== "running"));
    return jobs.find(id);
  };
  return { house, deps, jobs, work, ended };
}

const noSources = { list: () => [], runToEnd: () => Promise.reject(new Error("not asked")) };

const WANTED = { since: undefined, until: undefined, refetch: false, actor: "admin" };

Deno.test("a crawl of the API runs on by itself and counts, one a series at a time", async () => {
  const { house, work, ended } = await open({ id: "venuea" });
  const series = { exchange: "venuea", symbol: "BTC/USDT", interval: "1m" } as const;
  const started = work.startCrawl({ ...WANTED, series });
  throws(
    () => work.startCrawl({ ...WANTED, series }),
    (error: unknown) => error instanceof Refusal && error.code === "conflict",
  );
  const job = await ended(started);
  deepEqual([job?.status, job?.result?.ingested, job?.error], ["succeeded", 10, undefined]);
  equal((await house.series.find("venuea.BTC-USDT.1m"))?.candles, 10);
});

Deno.test("a rebuild of the API is refused for a name that no read model has, naming those there are", async () => {
  const { work, ended } = await open({ id: "venueb" });
  throws(() => work.startRebuild("nothing"), (error: unknown) => {
    deepEqual(error instanceof Refusal && error.details, [{
      field: "name",
      message: "series is one",
    }]);
    return error instanceof Refusal && error.code === "not_found";
  });
  equal((await ended(work.startRebuild("series")))?.status, "succeeded");
});

Deno.test("a command on opened data crawls a new series once its venue knows the symbol", async () => {
  const { house, deps } = await open({ id: "venued" });
  const installation = openInstallation({ ...house, crawling: deps, supervisor: noSources });
  const series = { exchange: "venued", symbol: "ETH/USDT", interval: "1m" } as const;
  const signal = new AbortController().signal;
  const request = { series, since: START, until: NOW, refetch: false };
  const counts = await installation.crawl(request, { signal, progress: silentProgress });
  equal(counts.ingested, 10);
  const held = await installation.findSeries({ ...series, interval: "5m" });
  deepEqual([held.id, held.candles, held.range], ["venued.ETH-USDT.1m", 10, [START, NOW]]);
  const range = { from: START, to: NOW, limit: 6 };
  const query = { series, stored: "1m", ...range, format: "csv" } as const;
  const first = await installation.readPage(query, signal);
  deepEqual([first.rows, first.next], [6, START + 5 * MINUTE + 1]);
  const rest = await installation.readPage({ ...query, from: first.next ?? 0 }, signal);
  deepEqual([rest.rows, rest.next], [4, undefined]);
});

Deno.test("an export goes on from the series with which it began, whatever is added meanwhile", async () => {
  const { deps } = await open({ id: "venuee" });
  const { house } = await (opened ??= openCrawlHouse());
  const installation = openInstallation({ ...house, crawling: deps, supervisor: noSources });
  const series = { exchange: "venuee", symbol: "BTC/USDT", interval: "1m" } as const;
  const signal = new AbortController().signal;
  const request = { series, since: START, until: NOW, refetch: false };
  await installation.crawl(request, { signal, progress: silentProgress });
  const wanted = { ...series, interval: "5m" } as const;
  const { series: { interval: stored } } = await installation.findSeries(wanted);
  const query = { series: wanted, stored, from: START, to: NOW, limit: 1, format: "csv" } as const;
  const first = await installation.readPage(query, signal);
  await installation.addSeries(wanted);
  const rest = await installation.readPage({ ...query, from: first.next ?? 0 }, signal);
  deepEqual([first.rows, rest.rows], [1, 1]);
});
