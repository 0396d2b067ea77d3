import { deepEqual, equal, match, ok } from "node:assert/strict";
import { browserSettings, ConfigError, describeConfig, parseConfig } from "@/config.ts";
import { parseCron } from "@/cron/cron_text.ts";
import { SOURCE_NAMES } from "@/domain/ports/source_names.ts";
import { DEFAULT_SOURCE_SCHEDULES, sourceAccess } from "@/source_settings.ts";

const parse = (env: Readonly<Record<string, string>>) => parseConfig(env, { now: 0 });

function problems(env: Readonly<Record<string, string>>): readonly string[] {
  try {
    parse(env);
  } catch (error) {
    ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

Deno.test("source settings: nothing is set by default but when each source is crawled", () => {
  const config = parse({});
  deepEqual(config.sourceUrls, {});
  deepEqual(config.sourceSchedules, DEFAULT_SOURCE_SCHEDULES);
  for (const access of Object.values(sourceAccess(config))) {
    deepEqual(access, { token: undefined, cookie: undefined, selectors: undefined });
  }
});

Deno.test("source settings: every source has a schedule at the desk's times", () => {
  deepEqual(Object.keys(DEFAULT_SOURCE_SCHEDULES).toSorted(), SOURCE_NAMES.toSorted());
  const at = Object.fromEntries(
    Object.entries(DEFAULT_SOURCE_SCHEDULES).map(([name, text]) => {
      const { hours, minutes } = parseCron(text);
      return [name, hours.flatMap((hour) => minutes.map((minute) => `${hour}:${minute}`))];
    }),
  );
  deepEqual({ ...at, openvlab: [] }, {
    hzzhqx: ["18:0"],
    jiaoyikecha: ["17:30"],
    openvlab: [],
    rongda: ["17:0"],
    rongda2: ["17:0"],
    founderfu: ["8:50", "20:50"],
    sina: ["17:10"],
  });
  for (const time of ["9:0", "9:30", "15:0", "21:0", "2:30"]) ok(at.openvlab?.includes(time), time);
  for (const time of ["8:30", "16:0", "20:30", "3:0"]) ok(!at.openvlab?.includes(time), time);
});

Deno.test("source settings: a schedule that is given replaces its default, the others stay", () => {
  const { sourceSchedules } = parse({ SOURCE_SCHEDULES: '{"sina":"0 20 * * MON-FRI"}' });
  deepEqual(sourceSchedules, { ...DEFAULT_SOURCE_SCHEDULES, sina: "0 20 * * MON-FRI" });
  const numbered = parse({ SOURCE_SCHEDULES: '{"openvlab":"*/30 9-15 * * 1-5"}' });
  equal(numbered.sourceSchedules.openvlab, "*/30 9-15 * * 1-5");
});

Deno.test("source settings: sources share a group only where they are given one", () => {
  deepEqual(parse({}).sourceGroups, {});
  const { sourceGroups } = parse({ SOURCE_GROUPS: '{"rongda":"desk","rongda2":"desk"}' });
  deepEqual(sourceGroups, { rongda: "desk", rongda2: "desk" });
});

Deno.test("source settings: credentials and selectors go to the source that they name", () => {
  const access = sourceAccess(parse({
    SOURCE_HZZHQX_TOKEN: "token-of-hzzhqx",
    SOURCE_RONGDA_COOKIE: "a=1; b=2",
    SOURCE_RONGDA2_COOKIE: "a=3",
    SOURCE_SINA_SELECTORS: '{ "symbols": ["RB0"] }',
  }));
  equal(access.hzzhqx.token?.reveal(), "token-of-hzzhqx");
  equal(access.rongda.cookie?.reveal(), "a=1; b=2");
  equal(access.rongda2.cookie?.reveal(), "a=3");
  equal(access.sina.selectors, '{"symbols":["RB0"]}');
  equal(access.openvlab.token, undefined);
});

Deno.test("source settings: no way of printing shows a token or a cookie", () => {
  const names = [
    ...["hzzhqx", "jiaoyikecha", "openvlab", "founderfu"].map((name) => `${name}_TOKEN`),
    ...SOURCE_NAMES.map((name) => `${name}_COOKIE`),
  ];
  const config = parse(Object.fromEntries(
    names.map((name) => [`SOURCE_${name.toUpperCase()}`, "hunter2-hunter2"]),
  ));
  const shown = [
    Deno.inspect(config),
    JSON.stringify(config),
    JSON.stringify(describeConfig(config)),
  ];
  for (const text of shown) ok(!text.includes("hunter2"));
  const access = Object.values(sourceAccess(config));
  equal(access.filter(({ token }) => token?.reveal() === "hunter2-hunter2").length, 4);
  equal(access.filter(({ cookie }) => cookie?.reveal() === "hunter2-hunter2").length, 7);
});

const WRONG: readonly [name: string, value: string, says: RegExp][] = [
  ["SOURCE_URLS", "{", /expected JSON like .*hzzhqx, jiaoyikecha/],
  ["SOURCE_URLS", '{"wind":"https://x.example"}', /wind is not known; .*the sources are/],
  ["SOURCE_URLS", '{"sina":"ftp://x.example"}', /expected JSON/],
  ["SOURCE_URLS", '{"sina":"x.example"}', /expected JSON/],
  ["SOURCE_SCHEDULES", '{"sina":"every day"}', /sina: .*2 fields instead of five; expected JSON/],
  ["SOURCE_SCHEDULES", '{"sina":"61 17 * * *"}', /sina: .*minute "61" is not within 0 to 59/],
  ["SOURCE_SCHEDULES", '{"sina":"0 9 * * 1-8"}', /sina: .*weekday "1-8" is not within 0 to 7/],
  ["SOURCE_SCHEDULES", '{"sina":"0 0 31 2 *"}', /sina: .*its day is in none of its months/],
  ["SOURCE_SCHEDULES", '{"wind":"10 17 * * *"}', /wind is not known; .*the sources are/],
  ["SOURCE_SCHEDULES", '{"sina":17}', /SCHEDULES: expected JSON/],
  ["SOURCE_GROUPS", '{"wind":"desk"}', /wind is not known; .*the sources are/],
  ["SOURCE_GROUPS", '{"sina":""}', /expected JSON like .*rongda2/],
  ["SOURCE_SINA_SELECTORS", "RB0", /expected JSON/],
  ["SOURCE_SINA_SELECTORS", '["RB0"]', /expected JSON/],
  ["SOURCE_HZZHQX_TOKEN", "a\nb: c", /expected one line/],
  ["SOURCE_RONGDA_COOKIE", "a\r\nb: c", /expected one line/],
];

Deno.test("source settings: each wrong value is named with what is expected, and never repeated", () => {
  for (const [name, value, says] of WRONG) {
    const found = problems({ [name]: value });
    equal(found.length, 1, `${name}=${value}`);
    match(found[0] ?? "", new RegExp(`^${name}: `));
    match(found[0] ?? "", says);
    if (name.endsWith("TOKEN")) ok(!found[0]?.includes(value));
  }
});

Deno.test("browser settings: one is wanted once a page source has all that it needs", () => {
  const page = {
    SOURCE_URLS: '{"rongda2":"https://page.example"}',
    SOURCE_RONGDA2_COOKIE: "a=1",
    SOURCE_RONGDA2_SELECTORS: "{}",
  };
  const wanted = (env: Readonly<Record<string, string>>) => browserSettings(parse(env)).isWanted;
  equal(wanted(page), true);
  for (const name of Object.keys(page)) equal(wanted({ ...page, [name]: "" }), false, name);
  equal(wanted({ BROWSER_PATH: "/usr/bin/chromium" }), false);
  equal(wanted({ ...page, SOURCE_URLS: '{"sina":"https://page.example"}' }), false);
});

Deno.test("browser settings: a browser elsewhere is named by a WebSocket, and its address kept secret", () => {
  const config = parse({ BROWSER_WS: "wss://browser.example?token=hunter2", BROWSER_PATH: "/b" });
  const { path, ws } = browserSettings(config);
  deepEqual([path, ws?.reveal()], ["/b", "wss://browser.example?token=hunter2"]);
  ok(!JSON.stringify(describeConfig(config)).includes("hunter2"));
  match(problems({ BROWSER_WS: "http://browser.example" }).join(), /BROWSER_WS: .*wss?:\/\//);
});

Deno.test("source settings: those that nothing reads are named", () => {
  const env = {
    ...{ SOURCE_SINA_SELECTORS: "{}", SOURCE_SINA_TOKEN: "t", SOURCE_HZZHQX_SELECTORS: "{}" },
    ...{ SOURCE_RONGDA3_COOKIE: "c", SOURCE_FOUNDERFU_TOKEN: "t", SOURCE_RONGDA_TOKEN: "" },
    ...{ SOURCE_URLS: "{}", PATH: "/bin" },
  };
  deepEqual(parse(env).unreadSettings, [
    ...["SOURCE_HZZHQX_SELECTORS", "SOURCE_RONGDA3_COOKIE", "SOURCE_SINA_TOKEN"],
  ]);
});
