import { deepEqual, doesNotMatch, equal, match } from "node:assert/strict";
import fc from "fast-check";
import { trusted } from "@/events/trust.ts";
import { createLog, type LogLevel } from "@/adapters/log/json_log.ts";
import type { Log } from "@/domain/ports/log.ts";

const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) };

function open(
  { level = "debug", format = "json" }: { level?: LogLevel; format?: "json" | "text" } = {},
): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return { log: createLog({ level, format, clock, write: (line) => lines.push(line) }), lines };
}

function only(lines: string[]): Record<string, unknown> {
  equal(lines.length, 1);
  return JSON.parse(lines[0] ?? "");
}

Deno.test("log writes one JSON line an entry with time, level, message and fields", () => {
  const { log, lines } = open();
  log.warn("crawl failed", { series: "binance.BTC-USDT.1m", attempts: 4, pages: [1, 2] });
  deepEqual(only(lines), {
    series: "binance.BTC-USDT.1m",
    attempts: 4,
    pages: [1, 2],
    at: "2026-01-02T03:04:05.678Z",
    level: "warn",
    message: "crawl failed",
  });
});

Deno.test("log leaves out entries below its level", () => {
  const { log, lines } = open({ level: "warn" });
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  deepEqual(lines.map((line) => JSON.parse(line).message), ["c", "d"]);
});

Deno.test("log is readable text when it is for people", () => {
  const { log, lines } = open({ format: "text" });
  log.info("crawl done", { series: "binance:BTC/USDT:1m", rows: 3, note: "two words" });
  deepEqual(lines, [
    '03:04:05 INFO  crawl done series=binance:BTC/USDT:1m rows=3 note="two words"',
  ]);
});

Deno.test("log blots out what is named like a secret, at any depth", () => {
  const { log, lines } = open();
  log.info("start", {
    adminToken: "hunter2-a",
    s3: { S3_SECRET_ACCESS_KEY: "hunter2-b", region: "eu" },
    headers: [{ Authorization: "hunter2-c" }],
    api_key: "hunter2-d",
    hasPassword: true,
  });
  doesNotMatch(lines.join(), /hunter2/);
  match(lines.join(), /"region":"eu"/);
  match(lines.join(), /"hasPassword":true/);
});

Deno.test("log blots out secrets inside texts: users in URLs, queries, bearer tokens", () => {
  const { log, lines } = open();
  log.error("cannot reach postgres://me:hunter2@db/x", {
    url: "https://hook.example/send?access_token=hunter2&n=1",
    header: "Bearer hunter2hunter2",
    error: new Error("at http://u:hunter2@h/", { cause: new Error("token hunter2hunter2") }),
  });
  doesNotMatch(lines.join(), /hunter2/);
  match(lines.join(), /@db\/x/);
  match(lines.join(), /n=1/);
});

Deno.test("log keeps errors with name, message, own fields and causes", () => {
  const { log, lines } = open();
  const cause = new TypeError("inner");
  log.error("failed", {
    error: Object.assign(new Error("outer", { cause }), { sqlstate: "53100" }),
  });
  const { error } = trusted<{ error: Record<string, unknown> }>(only(lines));
  equal(error.message, "outer");
  equal(error.sqlstate, "53100");
  match(JSON.stringify(error.cause), /"name":"TypeError","message":"inner"/);
});

Deno.test("log survives what JSON cannot hold", () => {
  const { log, lines } = open();
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  log.info("odd", {
    loop,
    big: 10n,
    none: undefined,
    nan: NaN,
    when: new Date(NaN),
    bytes: new Uint8Array(3),
    map: new Map([["a", 1]]),
    work: () => 1,
  });
  deepEqual(only(lines), {
    loop: { self: "[circular]" },
    big: "10",
    nan: "NaN",
    when: "bad date",
    bytes: "[3 bytes]",
    map: { a: 1 },
    work: "[function]",
    at: "2026-01-02T03:04:05.678Z",
    level: "info",
    message: "odd",
  });
});

Deno.test("log keeps a field apart that is named like a part of the entry", () => {
  const { log, lines } = open();
  log.info("real", { message: "shadow", level: "trick" });
  const entry = only(lines);
  equal(entry.message, "real");
  equal(entry.level, "info");
  deepEqual(entry.fields, { message: "shadow", level: "trick" });
});

Deno.test("log never throws and always writes exactly one line (property)", () => {
  fc.assert(
    fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (message, fields) => {
      for (const format of ["json", "text"] as const) {
        const { log, lines } = open({ format });
        log.info(message, fields);
        equal(lines.length, 1);
        equal(lines[0]?.includes("\n"), false);
      }
    }),
  );
});
