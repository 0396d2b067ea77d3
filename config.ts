import { loadEnvFile } from "node:process";
import { z } from "zod";
import { LANGUAGES } from "@/domain/alerts/language.ts";
import { trusted } from "@/events/trust.ts";
import {
  alertUrls,
  flag,
  integer,
  openTime,
  proxyUrl,
  secret,
  text,
  timeOfDay,
  timeZone,
  url,
  watch,
} from "./config_values.ts";
import { jsonSetting } from "./json_setting.ts";
import { Secret } from "./secret.ts";
import { PAGE_SOURCES, sourceAccess, sourceSettings } from "./source_settings.ts";

/** Every setting that is wrong, a line each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(problems.join("\n"));
  }
}

/** Requests a minute of one caller; 0 = unlimited. */
export const DEFAULT_RATE_LIMITS = { auth: 10, lab: 100, write: 600, market: 6_000 } as const;

const HISTORY_YEARS = 5;

const HOPS: Readonly<Record<string, string>> = { off: "0", false: "0", on: "1", true: "1" };

/** Where the demo differs. */
const DEMO_DEFAULTS: Readonly<Record<string, string>> = {
  DATA_DIR: "./data-demo",
  WATCH: "simulated:BTC/USDT:1m,simulated:ETH/USDT:1m",
};

/** Every setting, by the name of its environment variable. A default is the text one would write. */
const schema = z.object({
  PORT: integer(0, 65_535).prefault("8000").describe("Port to serve on; 0 takes a free one."),
  HOST: text().prefault("127.0.0.1")
    .describe("Address to serve on. 0.0.0.0 opens the service to the network."),
  DATA_DIR: text().prefault("./data")
    .describe("Folder of everything kept: db/, blobs/, lake/, admin-token."),
  DATABASE_URL: url("postgres:", "postgresql:").transform((value) => new Secret(value)).optional()
    .describe("PostgreSQL server, postgres://user:password@host/db. Unset: embedded in DATA_DIR."),
  DATABASE_POOL_MIN: integer(0, 1_000).prefault("15").describe("Connections kept open."),
  DATABASE_POOL_MAX: integer(1, 1_000).prefault("30").describe("Connections at most."),
  DATABASE_POOL_RECYCLE_S: integer(1, 86_400 * 7).prefault("3600")
    .describe("Age in seconds at which a connection is replaced."),
  DATABASE_IDLE_TIMEOUT_S: integer(1, 86_400).prefault("300")
    .describe("Seconds after which an unused connection above the minimum is closed."),
  DATABASE_STATEMENT_TIMEOUT_MS: integer(0, 3_600_000).prefault("60000")
    .describe("Longest run of one statement on a server; 0 = unlimited."),
  ADMIN_TOKEN: secret().optional()
    .describe("Bearer token of the operator. Unset: made at first start in DATA_DIR/admin-token."),
  WATCH: watch().prefault("binance:BTC/USDT:1m,binance:ETH/USDT:1m")
    .describe(
      "Series to crawl, exchange:SYMBOL:interval, separated by commas; none crawls nothing new.",
    ),
  HISTORY_START: openTime().optional()
    .describe(`Where a crawled history begins. Unset: ${HISTORY_YEARS} years back.`),
  HOT_DAYS: integer(1, 36_500).prefault("365")
    .describe("Candles younger than this stay rows of the database, older ones live in files."),
  ARCHIVE_AT: timeOfDay().prefault("03:30")
    .describe("When ended periods get their files each day, in TIME_ZONE."),
  KEEP_REPLACED_DAYS: integer(0, 36_500).prefault("30")
    .describe("Days for which replaced files are kept; of many, some; an hour at the least."),
  CRON: flag().prefault("on").describe("off: this process crawls nothing by itself."),
  TIME_ZONE: timeZone().prefault("Asia/Shanghai").describe("Time zone of the schedules."),
  EXCHANGE_URLS: jsonSetting(
    z.record(z.string(), url("http:", "https:")),
    'JSON like {"binance":"https://mirror.example"}',
  ).prefault("{}").describe("Base URL of a venue where it is not the exchange's own, as JSON."),
  EXCHANGE_INTERVAL_MS: integer(0, 600_000).optional()
    .describe("Least pause between requests to one venue. Unset: what the venue allows."),
  ...sourceSettings,
  BROWSER_PATH: text().refine((path) => !/[\s,]/.test(path), "expected no space and no comma")
    .optional()
    .describe("Chromium or Chrome that shows pages. Unset: the one on a usual path."),
  BROWSER_WS: url("ws:", "wss:").transform((value) => new Secret(value)).optional()
    .describe(
      "DevTools address of a browser that runs elsewhere, used in place of one started here.",
    ),
  CRAWL_RETRY_DELAY_MS: integer(0, 86_400_000).prefault("60000")
    .describe("Pause before a crawler tries again, give or take a fifth."),
  CRAWL_TIMEOUT_MS: integer(1, 86_400_000).prefault("300000")
    .describe("Longest attempt of a crawler."),
  EXCHANGE_PROXY: proxyUrl().optional().describe("Proxy for the exchanges alone."),
  HTTPS_PROXY: proxyUrl().optional().describe("Proxy for https:// requests."),
  HTTP_PROXY: proxyUrl().optional().describe("Proxy for http:// requests."),
  NO_PROXY: text().optional().describe("Hosts asked without a proxy, separated by commas."),
  MARKET_DATA: z.enum(["open", "private"]).prefault("open")
    .describe("private: reading series and candles needs a token."),
  METRICS: z.enum(["admin", "open"]).prefault("admin")
    .describe("open: /metrics needs no token, for a Prometheus that has none."),
  COMPAT_OPEN_CANDLE: z.enum(["true", "false", "on", "off"]).prefault("true")
    .transform((value) => value === "true" || value === "on")
    .describe("false: Binance's and TradingView's clients get closed candles only."),
  RATE_LIMITS: jsonSetting(
    z.partialRecord(z.enum(["auth", "lab", "write", "market"]), z.int().min(0)),
    'JSON like {"market":6000,"write":600}; the classes are auth, lab, write and market',
  ).prefault("{}").transform((given) => ({ ...DEFAULT_RATE_LIMITS, ...given }))
    .describe(
      "Requests a minute by class, as JSON; 0 = unlimited. Others keep their default " +
        `(${Object.entries(DEFAULT_RATE_LIMITS).map(([name, n]) => `${name} ${n}`).join(", ")}).`,
    ),
  ALERT_URLS: alertUrls().prefault("")
    .describe(
      "Where failures and reports are told, separated by commas: dingtalk://<token>?secret=, " +
        "wecom://<key>, feishu://<token>?secret=, slack+https://…, https://…?secret=. Unset: nowhere.",
    ),
  ALERT_LANGUAGE: z.enum(LANGUAGES).prefault("zh").describe("Language of alerts and reports."),
  REPORT_AT: timeOfDay().prefault("09:00")
    .describe("When the daily report is told, in TIME_ZONE."),
  PUBLIC_URL: url("http:", "https:").optional()
    .describe("Where people reach the service; links in alerts. Unset: this machine's address."),
  TRUST_PROXY: z.string().transform((value) => HOPS[value] ?? value).pipe(integer(0, 10))
    .prefault("0")
    .describe("Reverse proxies in front that append to X-Forwarded-For; 0 ignores the header."),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).prefault("info")
    .describe("Least severe message that is logged."),
});

/** Understood, but nothing stands behind them yet: refused, for data would not go where one expects. */
const NOT_YET = ["BLOB_URL", "BACKUP_URL", "KV_URL"] as const;

type Settings = z.output<typeof schema>;
type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<Camel<Tail>>}`
  : Lowercase<S>;

/** The settings in camelCase (`DATA_DIR` → `dataDir`), all of them known. */
export type Config =
  & { readonly [K in keyof Settings as Camel<K>]: Settings[K] }
  & {
    readonly profile: Profile;
    readonly historyStart: number;
    readonly unreadSettings: readonly string[];
  };

/** `demo` runs on the simulated exchange. */
export type Profile = "real" | "demo";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConfigOptions {
  /** Epoch ms from which the default history start counts back. */
  readonly now: number;
  readonly profile?: Profile;
}

/** Throws {@linkcode ConfigError} with everything that is wrong. An empty variable counts as unset. */
export function parseConfig(env: Environment, { now, profile = "real" }: ConfigOptions): Config {
  const defaults = profile === "demo" ? DEMO_DEFAULTS : {};
  const given: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = find(env, name) ?? defaults[name];
    if (value !== undefined) given[name] = value;
  }
  const result = schema.safeParse(given);
  const problems = result.success ? [] : result.error.issues.map(({ path, message }) => {
    const [name] = path;
    return `${String(name)}: ${message.replace(/^Invalid option: /, "")}`;
  });
  for (const name of NOT_YET) {
    if (find(env, name) !== undefined) problems.push(`${name}: not supported yet, expected unset`);
  }
  if (result.data && result.data.DATABASE_POOL_MIN > result.data.DATABASE_POOL_MAX) {
    problems.push("DATABASE_POOL_MIN: expected at most DATABASE_POOL_MAX");
  }
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  const entries = Object.entries(result.data).map(([name, value]) => [camel(name), value]);
  const settings = trusted<Config>(Object.fromEntries(entries));
  const historyStart = settings.historyStart ?? yearsBefore(now);
  return { ...settings, profile, historyStart, unreadSettings: unreadSourceSettings(env) };
}

/**
 * Takes in `.env` where there is one; what is set already stays. Requests to this machine never go
 * through a proxy: the commands reach the running installation that way.
 */
export function prepareEnvironment(): void {
  try {
    loadEnvFile(".env");
  } catch {
    // Most installations have none.
  }
  const { NO_PROXY = "", no_proxy = NO_PROXY } = Deno.env.toObject();
  const hosts = no_proxy.split(",").filter((host) => host !== "");
  Deno.env.set("NO_PROXY", [...new Set([...hosts, ...LOOPBACK])].join(","));
}

const LOOPBACK = ["127.0.0.1", "localhost", "::1"];

export function loadConfig(options: ConfigOptions): Config {
  return parseConfig(readEnvironment(), options);
}

/** For the few that need a variable that is no setting of ours, like where packages are kept. */
export function readEnvironment(): Environment {
  return Deno.env.toObject();
}

/** Variables that look like settings of a source and that nothing reads, as of a mistaken name. */
function unreadSourceSettings(env: Environment): readonly string[] {
  const known = new Set(Object.keys(schema.shape));
  return Object.entries(env).flatMap(([name, value = ""]) =>
    name.startsWith("SOURCE_") && value !== "" && !known.has(name) ? [name] : []
  ).toSorted();
}

/** For the log: the settings with secrets hidden. */
export function describeConfig(config: Config): Readonly<Record<string, unknown>> {
  return trusted<Record<string, unknown>>(JSON.parse(JSON.stringify(config)));
}

/** Text of `.env.example`: every setting with what it does, its default commented out. */
export function envExample(): string {
  const blocks = Object.entries(schema.shape).map(([name, setting]) => {
    const standard = z.toJSONSchema(setting, { io: "input", unrepresentable: "any" }).default;
    return `# ${setting.description ?? ""}\n# ${name}=${standard ?? ""}`;
  });
  const head = "# Settings of Chandlery. Made by `deno task env:example` from config.ts.\n" +
    "# Uncomment what you want to change; a value shown is the default.";
  return `${[head, ...blocks].join("\n\n")}\n`;
}

/** Proxy settings are written in lower case, too, and everyone else understands both. */
function find(env: Environment, name: string): string | undefined {
  const value = env[name] || (name.endsWith("_PROXY") ? env[name.toLowerCase()] : undefined);
  return value === undefined || value.trim() === "" ? undefined : value.trim();
}

function camel(name: string): string {
  return name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}

function yearsBefore(now: number): number {
  const date = new Date(now);
  return date.setUTCFullYear(date.getUTCFullYear() - HISTORY_YEARS);
}

export interface BrowserSettings {
  /** Something is configured that needs one. */
  readonly isWanted: boolean;
  /** Of a browser to start; one is looked for where neither this nor `ws` is given. */
  readonly path: string | undefined;
  /** Where one runs that is used in its place; may hold a token. */
  readonly ws: Secret | undefined;
}

export function browserSettings(config: Config): BrowserSettings {
  const { browserPath, browserWs, sourceUrls } = config;
  const access = sourceAccess(config);
  const isWanted = PAGE_SOURCES.some((name) =>
    sourceUrls[name] !== undefined && access[name].cookie && access[name].selectors
  );
  return { isWanted, path: browserPath, ws: browserWs };
}

/** What else is needed to ask and tell the world outside. */
export function outsideSettings(config: Config): {
  readonly sourceAccess: ReturnType<typeof sourceAccess>;
  readonly browser: BrowserSettings;
  readonly proxy: Readonly<
    Record<"exchangeProxy" | "httpProxy" | "httpsProxy" | "noProxy", string | undefined>
  >;
} {
  const { exchangeProxy, httpProxy, httpsProxy, noProxy } = config;
  return {
    sourceAccess: sourceAccess(config),
    browser: browserSettings(config),
    proxy: {
      ...{ exchangeProxy: exchangeProxy?.reveal(), noProxy },
      ...{ httpProxy: httpProxy?.reveal(), httpsProxy: httpsProxy?.reveal() },
    },
  };
}

/** Where people look at a run. */
export function linkToRun(
  { publicUrl, host, port }: Pick<Config, "publicUrl" | "host" | "port">,
): (runId: string) => string {
  // What listens everywhere is reached here; nobody can go to "everywhere".
  const near = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const base = publicUrl ?? `http://${near.includes(":") ? `[${near}]` : near}:${port}`;
  return (runId) => `${base.replace(/\/$/, "")}/admin/crawlers/${runId}`;
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL(".env.example", import.meta.url), envExample());
}
