import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { marketReport, reportIdentity } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import { KEPT_RESPONSE_BYTES, SourceError } from "@/domain/ports/source_error.ts";
import { SOURCE_ERROR_RETRYABLE } from "@/domain/ports/source_error.ts";
import {
  ALL_SOURCES,
  COOKIE,
  failureIn,
  type OpenSites,
  openSites,
  sourceOf,
  TOKEN,
} from "@/tests/support/open_sites.ts";
import {
  ALL_FAULTS,
  FAULT_CLASSES,
  scriptedFaults,
  seededFaults,
  type SourceFault,
} from "@/tests/support/source_faults.ts";
import { SESSION_ID, smallSamples } from "@/tests/support/source_samples.ts";

const DATE = "2026-09-08";
const REQUESTS: Readonly<Record<SourceName, number>> = {
  ...{ hzzhqx: 2, jiaoyikecha: 9, openvlab: 5, rongda: 1, rongda2: 1, founderfu: 2, sina: 3 },
};
/** From which request on it asks for one symbol, contract or house after the other. */
const PARTS_FROM: Partial<Record<SourceName, number>> = { jiaoyikecha: 8, openvlab: 3, sina: 1 };
/** What a site would say of every other part, too. */
const OF_THE_SITE: readonly SourceFault["kind"][] = ["rate_limited", "login_wall", "hang"];
/** A browser that draws half a page draws half a table: nobody can tell. */
const UNTOLD_OF_PAGES: readonly SourceFault["kind"][] = ["truncated"];

function crawl(house: OpenSites, name: SourceName, signal = new AbortController().signal) {
  return sourceOf(house, name).fetch({ date: DATE, signal });
}

/** The error of a crawl that must fail; a hang is ended as the supervisor ends it. */
async function failureOf(house: OpenSites, name: SourceName, kind?: string): Promise<SourceError> {
  const ends = new AbortController();
  const crawling = failureIn(crawl(house, name, ends.signal));
  if (kind === "hang") {
    const { sites } = house;
    while (sites.requests.length === 0) await Promise.resolve();
    ends.abort(new DOMException("too long", "TimeoutError"));
  }
  const error = await crawling;
  ok(error instanceof SourceError, `${name} ${kind}: ${Deno.inspect(error)}`);
  return error;
}

function textOf({ response }: SourceError): string {
  return new TextDecoder().decode(response?.bytes);
}

for (const name of ALL_SOURCES) {
  Deno.test(`source ${name}: gives reports of its own, each identity once, and what it received`, async () => {
    const house = openSites();
    const { rows, raw, sizeBytes, series } = await crawl(house, name);
    ok(rows.length > 0);
    for (const row of rows) {
      deepEqual(marketReport.parse(row), row);
      equal(row.source, name);
    }
    equal(new Set(rows.map(reportIdentity)).size, rows.length);
    ok(sizeBytes > 0 && raw.bytes.length > 0);
    equal(series.length, name === "sina" ? 3 : 0);
    equal(house.sites.requestsOf(name).length, REQUESTS[name]);
    equal(house.sites.requests.length, REQUESTS[name]);
  });

  Deno.test(`source ${name}: asks with the credentials of the configuration and keeps none of them`, async () => {
    const house = openSites();
    const { raw } = await crawl(house, name);
    const sent = house.sites.requestsOf(name).map(({ headers }) => [...headers.values()].join(" "));
    ok(sent.at(-1)?.includes(COOKIE), `sent ${sent.at(-1)}`);
    const kept = new TextDecoder().decode(raw.bytes);
    for (const secret of [TOKEN, COOKIE, SESSION_ID]) ok(!kept.includes(secret));
  });

  for (const fault of ALL_FAULTS) {
    const { kind } = fault;
    const isPage = name === "rongda" || name === "rongda2";
    if (isPage && UNTOLD_OF_PAGES.includes(kind)) continue;
    const places = kind === "hang" ? [1] : [...new Set([1, 2, REQUESTS[name]])];
    for (const at of places.filter((n) => n <= REQUESTS[name])) {
      const isPart = at >= (PARTS_FROM[name] ?? Infinity) && !OF_THE_SITE.includes(kind);
      const then = isPart ? "goes on to the next" : "asks no more";
      Deno.test(`source ${name}: calls ${kind} ${FAULT_CLASSES[kind]} when request ${at} meets it, and ${then}`, async () => {
        const script = [...Array<undefined>(at - 1).fill(undefined), fault];
        const house = openSites({ faults: scriptedFaults(name, script) });
        const error = await failureOf(house, name, kind);
        equal(error.errorClass, FAULT_CLASSES[kind], error.message);
        equal(error.retryable, SOURCE_ERROR_RETRYABLE[error.errorClass]);
        equal(house.sites.requestsOf(name).length, isPart ? REQUESTS[name] : at);
        equal(error.source, name);
        equal(error.response === undefined, kind === "reset" || kind === "hang");
        if (kind === "rate_limited" && !isPage) equal(error.retryAfterMs, 7_000);
        if (kind === "server_error") equal(error.httpStatus, 502);
        if (error.errorClass === "schema_changed") ok(error.differences.length > 0);
        if (kind === "login_wall") ok(error.hint?.includes(`SOURCE_${name.toUpperCase()}_`));
      });
    }
  }

  Deno.test(`source ${name}: passes on the reason when it is stopped for another one than time`, async () => {
    const house = openSites({ faults: () => ({ kind: "hang" }) });
    const ends = new AbortController();
    const crawling = crawl(house, name, ends.signal);
    while (house.sites.requests.length === 0) await Promise.resolve();
    const reason = new Error("the service stops");
    ends.abort(reason);
    await rejects(crawling, reason);
  });

  Deno.test(`source ${name}: asks nothing when it is stopped before`, async () => {
    const house = openSites();
    const reason = new Error("the service stops");
    await rejects(crawl(house, name, AbortSignal.abort(reason)), reason);
    equal(house.sites.requests.length, 0);
  });

  Deno.test(`source ${name}: says the same of the same failure each time`, async () => {
    const house = openSites({ faults: () => ({ kind: "server_error", status: 503 }) });
    const [first, second] = [await failureOf(house, name), await failureOf(house, name)];
    equal(first.message, second.message);
    equal(first.op, second.op);
  });

  Deno.test(`source ${name}: crawls again after a failure as if nothing had been`, async () => {
    const house = openSites({ faults: scriptedFaults(name, [{ kind: "reset" }]) });
    await failureOf(house, name);
    const [again, untouched] = [await crawl(house, name), await crawl(openSites(), name)];
    deepEqual(again.rows, untouched.rows);
    deepEqual(again.series, untouched.series);
  });
}

Deno.test("sources: a failing answer keeps its body without secrets, at most a megabyte of it", async () => {
  const echo = `{"token":"${TOKEN}","other":"x","said":"${COOKIE.split("=")[1]}"}`;
  const long = `[${"9".repeat(2 * KEPT_RESPONSE_BYTES)}]`;
  const house = openSites({ samples: { ...smallSamples(), overallView: echo, ctamap: long } });
  const small = await failureOf(house, "hzzhqx");
  equal(textOf(small), '{"token":"[removed]","other":"x","said":"[removed]"}');
  equal(small.response?.truncated, false);
  const large = await failureOf(house, "openvlab");
  equal(large.response?.bytes.length, KEPT_RESPONSE_BYTES);
  equal(large.response?.truncated, true);
});

Deno.test("sources: the same seed brings the same faults, whoever asks first", () => {
  const faults = seededFaults(7, { every: 3 });
  const drawn = (source: SourceName) =>
    Array.from({ length: 300 }, (_, i) =>
      faults({
        ...{ source, path: "/", query: {}, form: {}, headers: new Headers(), n: i + 1 },
        nOfSource: i + 1,
      })?.kind);
  deepEqual(drawn("sina"), drawn("sina"));
  ok(drawn("sina").some((kind, i) => kind !== drawn("hzzhqx")[i]));
  const kinds = new Set(drawn("sina"));
  deepEqual(ALL_FAULTS.filter(({ kind }) => !kinds.has(kind)), []);
  const share = drawn("sina").filter((kind) => kind !== undefined).length / 300;
  ok(share > 0.2 && share < 0.47, `${share}`);
});

Deno.test("sources: a page that asks for a password wants a login, in whatever words", async () => {
  const page = '<html><body><form><input name=pw type="password"></form></body></html>';
  const all = smallSamples();
  const walls = { ...all, ctamap: page, shell: page, dailies: { AU0: page } };
  for (const name of ["openvlab", "jiaoyikecha", "sina"] as const) {
    const error = await failureIn(crawl(openSites({ samples: walls }), name));
    ok(error instanceof SourceError);
    equal(error.errorClass, "login_required", name);
  }
  const changed = { ...all, shell: "<html><body>登录</body></html>" };
  const error = await failureIn(crawl(openSites({ samples: changed }), "jiaoyikecha"));
  ok(error instanceof SourceError && error.errorClass === "schema_changed");
});
