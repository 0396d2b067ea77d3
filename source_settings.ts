import { z } from "zod";
import { CronTextError, parseCron } from "@/cron/cron_text.ts";
import { SOURCE_NAMES, type SourceName } from "@/domain/ports/source_names.ts";
import { trusted } from "@/events/trust.ts";
import { jsonSetting } from "./json_setting.ts";
import { Secret } from "./secret.ts";

/** When each source of the futures desk is crawled, in Asia/Shanghai's time whatever `TIME_ZONE` is, on trading days. */
export const DEFAULT_SOURCE_SCHEDULES: Readonly<Record<SourceName, string>> = {
  hzzhqx: "0 18 * * *",
  jiaoyikecha: "30 17 * * *",
  // Every half an hour of the day and the night session.
  openvlab: "*/30 0-2,9-15,21-23 * * *",
  rongda: "0 17 * * *",
  rongda2: "0 17 * * *",
  founderfu: "50 8,20 * * *",
  sina: "10 17 * * *",
};

/** Those that only a browser can read. */
export const PAGE_SOURCES = ["rongda", "rongda2"] as const satisfies readonly SourceName[];

const sourceName = z.enum(SOURCE_NAMES);
const names = `the sources are ${SOURCE_NAMES.join(", ")}`;

const siteUrl = z.url({ protocol: /^https?$/ });

const schedule = z.string().superRefine((text, context) => {
  try {
    parseCron(text);
  } catch (error) {
    if (!(error instanceof CronTextError)) throw error;
    context.addIssue({ code: "custom", message: error.message });
  }
});

const PAGE_SELECTORS =
  '{"rows":"tbody tr","columns":{"variety":"td:nth-child(1)","structure":"…","strength":"…",' +
  '"spread":"…"},"login":"form"}, CSS selectors';

/** Settings of the futures desk's sources, by the names of their environment variables. */
export const sourceSettings = {
  SOURCE_URLS: jsonSetting(
    z.partialRecord(sourceName, siteUrl),
    `JSON like {"openvlab":"https://mirror.example"}; ${names}`,
  ).prefault("{}").describe("Base URL of a source where it is not the site's own, as JSON."),
  SOURCE_SCHEDULES: jsonSetting(
    z.partialRecord(sourceName, schedule),
    `JSON like {"sina":"10 17 * * *"}, five fields each; ${names}`,
  ).prefault("{}").transform((given) => ({ ...DEFAULT_SOURCE_SCHEDULES, ...given }))
    .describe(
      "When sources are crawled on trading days, in Asia/Shanghai's time whatever TIME_ZONE is, as " +
        "JSON: source to minute, hour, day, month and weekday (MON-FRI or 1-5). Others keep their default.",
    ),
  SOURCE_GROUPS: jsonSetting(
    z.partialRecord(sourceName, z.string().regex(/^[a-z0-9-]{1,50}$/)),
    `JSON like {"rongda":"desk","rongda2":"desk"}, small letters, digits and hyphens; ${names}`,
  ).prefault("{}").describe(
    "Sources that take turns, as JSON: source to the name of its group. Set it where they share what " +
      "only one may use at a time, such as a login; others run at once.",
  ),
  SOURCE_HZZHQX_TOKEN: token("hzzhqx"),
  SOURCE_HZZHQX_COOKIE: cookie("hzzhqx"),
  SOURCE_JIAOYIKECHA_TOKEN: token("jiaoyikecha"),
  SOURCE_JIAOYIKECHA_COOKIE: cookie("jiaoyikecha"),
  SOURCE_JIAOYIKECHA_SELECTORS: selectors(
    '{"contracts":["rb2701"],"brokers":["国泰君安"]}, at most 200 in all; without contracts the main ' +
      'one of each variety, at most as many as "mains" says (100); unset: no single broker',
  ),
  SOURCE_OPENVLAB_TOKEN: token("openvlab"),
  SOURCE_OPENVLAB_COOKIE: cookie("openvlab"),
  SOURCE_OPENVLAB_SELECTORS: selectors(
    '{"surfaces":["EG"],"chains":["CS"],"history":["EG2610"]}; unset: the map of all products',
  ),
  SOURCE_RONGDA_COOKIE: cookie("rongda"),
  SOURCE_RONGDA_SELECTORS: selectors(PAGE_SELECTORS),
  SOURCE_RONGDA2_COOKIE: cookie("rongda2"),
  SOURCE_RONGDA2_SELECTORS: selectors(PAGE_SELECTORS),
  SOURCE_FOUNDERFU_TOKEN: token("founderfu"),
  SOURCE_FOUNDERFU_COOKIE: cookie("founderfu"),
  SOURCE_SINA_COOKIE: cookie("sina"),
  SOURCE_SINA_SELECTORS: selectors('{"symbols":["RB0"]}; unset: AU0, RB0 and SC0'),
};

function secret() {
  return z.string().refine((value) => !/[\r\n]/.test(value), "expected one line")
    .transform((value) => new Secret(value)).optional();
}

function token(source: SourceName) {
  return secret().describe(`Authorization header that ${source} is asked with.`);
}

function cookie(source: SourceName) {
  return secret().describe(`Cookie header of a browser that is logged in at ${source}.`);
}

/** Handed on as text: only the source knows what it means. */
function selectors(example: string) {
  return jsonSetting(z.record(z.string(), z.unknown()), `JSON like ${example}`)
    .transform((value) => JSON.stringify(value)).optional()
    .describe(`What to pick, as JSON like ${example}.`);
}

/** What {@linkcode sourceSettings} become in the configuration. */
export type SourceConfig =
  & { readonly [K in `source${Capitalize<SourceName>}${"Token" | "Cookie"}`]?: Secret | undefined }
  & { readonly [K in `source${Capitalize<SourceName>}Selectors`]?: string | undefined };

export interface SourceAccess {
  readonly token: Secret | undefined;
  readonly cookie: Secret | undefined;
  readonly selectors: string | undefined;
}

/** The credentials of each source. */
export function sourceAccess(config: SourceConfig): Readonly<Record<SourceName, SourceAccess>> {
  const entries = SOURCE_NAMES.map((name): [SourceName, SourceAccess] => {
    const capital = trusted<Capitalize<SourceName>>(name.charAt(0).toUpperCase() + name.slice(1));
    return [name, {
      token: config[`source${capital}Token`],
      cookie: config[`source${capital}Cookie`],
      selectors: config[`source${capital}Selectors`],
    }];
  });
  return trusted<Readonly<Record<SourceName, SourceAccess>>>(Object.fromEntries(entries));
}
