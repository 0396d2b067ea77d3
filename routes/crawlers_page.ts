import { bytesText, durationText } from "@/domain/alerts/language.ts";
import { MOST_COUNTED } from "@/projections/crawler_queries.ts";
import {
  type AlertDelivery,
  type CrawlerRunView,
  RUN_STATUSES,
} from "@/projections/crawler_queries.ts";
import { CALENDAR_TO, calendarDaysLeft } from "@/domain/klines/trading_calendar.ts";
import { alertsTable } from "./alerts_table.ts";
import type { CrawlerHealth } from "./crawler_health.ts";
import { mark, runLink, sourceLink, table, type Time, timeText } from "./crawlers_table.ts";
import type { Pagination } from "./envelope.ts";
import { Markup, markup } from "./markup.ts";
import type { VenueStanding } from "./venue_standings.ts";

/** What the filters of the log were set to, as text. */
export type LogFilters = Readonly<Record<string, string>>;

export interface LogPage {
  readonly runs: readonly CrawlerRunView[];
  readonly pagination: Pagination;
  readonly filters: LogFilters;
}

/** How everything is now. */
export interface CrawlersState {
  readonly health: readonly CrawlerHealth[];
  readonly venues: readonly VenueStanding[];
  /** Those that some of the channels has not taken. */
  readonly alerts: readonly AlertDelivery[];
  readonly channels: readonly string[];
  /** When the page is made, epoch ms. */
  readonly now: number;
}

const LONGEST_ERROR = 200;

const TIMES = [["from", "From (UTC)"], ["to", "Before (UTC)"]] as const;

const HEALTH_HEAD = [
  ...["Source", "State", "Breaker", "Last success", "Last failure", "24 h", "7 d", "Mean"],
  ...["Next run", ""],
];
const VENUES_HEAD = ["Venue", "Breaker", "Left alone until", "Error"];
const LOG_HEAD = [
  ...["Started", "Source", "Status", "Trigger", "Attempts", "Took", "Rows", "Bytes", "Error"],
];

/** Health and log of all crawlers; `timeZone` is the one that people live in. */
export function crawlersPage(
  { health, venues, alerts, channels, now }: CrawlersState,
  log: LogPage,
  timeZone: string,
): Markup {
  const time = (at: number | null | undefined) => timeText(at, timeZone);
  return markup`<section id="health" data-live>
<h2>Health</h2>
${table(HEALTH_HEAD, health.map((one) => healthRow(one, time)))}
${calendarNote(now)}
<h2>Venues</h2>
${table(VENUES_HEAD, venues.map((one) => venueRow(one, time)))}
${alertsTable(alerts, channels, time)}
</section>
<section>
<h2>Log</h2>
${filterForm(log.filters, health)}
</section>
<section id="log" data-live>
${table(LOG_HEAD, log.runs.map((run) => logRow(run, time)))}
${pages(log)}
</section>`;
}

/** Holidays are known for a while only. */
function calendarNote(now: number): Markup | null {
  const days = calendarDaysLeft(now);
  if (days === undefined) return null;
  return markup`<p>⚠️ The trading calendar is known until ${CALENDAR_TO}. Upgrade before it ends:
beyond it holidays count as trading days.</p>`;
}

function healthRow(health: CrawlerHealth, time: Time): Markup {
  const { name, venue, schedule, timeZone, missing, record, paused, running } = health;
  const path = `/admin/crawler/${encodeURIComponent(name)}`;
  return markup`<tr>
<td>${sourceLink(name)}<small>${venue} · ${schedule} ${timeZone}</small></td>
<td>${mark(health.state)}<small>${whyOf(health)}</small></td>
<td>${mark(health.breaker)}</td>
<td>${time(record?.lastSuccessAt)}</td>
<td>${time(record?.lastFailureAt)}</td>
<td class="number">${percent(record?.successRate24h)}</td>
<td class="number">${percent(record?.successRate7d)}</td>
<td class="number">${took(record?.meanDurationMs)}</td>
<td>${running === null ? time(health.nextRunAt) : runLink(running, "running")}</td>
<td>${running === null && missing.length === 0 ? button(path, "run") : null}
${button(path, paused === undefined ? "pause" : "resume")}</td>
</tr>
`;
}

function venueRow({ venue, breaker, openUntil, lastError }: VenueStanding, time: Time): Markup {
  return markup`<tr>
<td>${venue}</td>
<td>${mark(breaker)}</td>
<td>${time(openUntil)}</td>
<td class="text">${lastError}</td>
</tr>
`;
}

function whyOf({ state, missing, paused, record }: CrawlerHealth): string {
  switch (state) {
    case "not_configured":
      return `missing: ${missing.join(", ")}`;
    case "paused":
      return paused?.reason ?? "";
    case "failing":
      return record?.lastError?.errorClass ?? "";
    case "ok":
      return "";
  }
}

const ACTIONS = {
  run: { label: "Run", done: "Started.", asks: "" },
  pause: { label: "Pause", done: "Paused.", asks: " data-reason" },
  resume: { label: "Resume", done: "Resumed.", asks: "" },
} as const;

/** Hidden: without the script nothing could send the token, and the script shows it. */
function button(path: string, action: keyof typeof ACTIONS): Markup {
  const { label, done, asks } = ACTIONS[action];
  const data = markup`data-post="${path}/${action}" data-done="${done}"${new Markup(asks)}`;
  return markup`<button type="button" hidden ${data}>${label}</button>`;
}

function filterForm(filters: LogFilters, health: readonly CrawlerHealth[]): Markup {
  const names = health.map(({ name }) => name);
  const { source } = filters;
  const sources = source === undefined || names.includes(source) ? names : [...names, source];
  const times = TIMES.map(([name, label]) =>
    markup`<label>${label}<input name="${name}" value="${filters[name]}" size="20"
placeholder="2026-03-01 08:00"></label>
`
  );
  return markup`<form class="filters" method="get" action="/admin/crawlers">
<label>Source<select name="source">${options(sources, source)}</select></label>
<label>Status<select name="status">${options(RUN_STATUSES, filters.status)}</select></label>
${times}<label>Text<input name="q" value="${filters.q}" maxlength="200"></label>
<button>Show</button> <a href="/admin/crawlers">All</a>
</form>`;
}

function options(all: readonly string[], chosen = ""): readonly Markup[] {
  return ["", ...all].map((value) => {
    const selected = new Markup(value === chosen ? " selected" : "");
    return markup`<option value="${value}"${selected}>${value || "any"}</option>`;
  });
}

function logRow(run: CrawlerRunView, time: Time): Markup {
  const { source, status, trigger, attempts, startedAt, finishedAt, rows, bytes } = run;
  return markup`<tr>
<td>${runLink(run.runId, time(startedAt))}</td>
<td>${source}</td>
<td>${mark(status)}</td>
<td>${trigger.replaceAll("_", " ")}</td>
<td class="number">${attempts.length}</td>
<td class="number">${took(finishedAt === null ? null : finishedAt - startedAt)}</td>
<td class="number">${rows}</td>
<td class="number">${bytes === null ? null : bytesText(bytes)}</td>
<td class="text">${errorText(run)}</td>
</tr>
`;
}

type Failure = Pick<CrawlerRunView, "errorClass" | "errorMessage" | "httpStatus">;

/** What went wrong; a longer message is cut, the run's own page has all of it. */
export function errorText(
  { errorClass, errorMessage, httpStatus }: Failure,
  longest = LONGEST_ERROR,
): Markup | null {
  if (errorClass === null) return null;
  const message = errorMessage ?? "";
  const shown = message.length > longest ? `${message.slice(0, longest).toWellFormed()}…` : message;
  const status = httpStatus === null ? "" : ` (HTTP ${httpStatus})`;
  return markup`<strong>${errorClass}</strong>${status} ${shown}`;
}

function pages({ pagination, filters }: LogPage): Markup {
  const { page, size, total, has_next, has_prev } = pagination;
  const last = Math.max(1, pagination.pages);
  const isAll = total < page * size + MOST_COUNTED;
  const link = (to: number, label: string) => {
    const query = new URLSearchParams({ ...filters, page: String(to) });
    return markup`<a href="/admin/crawlers?${query.toString()}">${label}</a>`;
  };
  return markup`<p>${has_prev ? link(Math.min(page - 1, last), "newer") : null}
${isAll ? "" : "at least "}${total} runs, page ${page} of ${last}
${has_next ? link(page + 1, "older") : null}</p>`;
}

export function took(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? "–" : durationText(ms, "en");
}

/** Rounded down: 99.96 % is not all of them. */
function percent(rate: number | null | undefined): string {
  return rate === null || rate === undefined ? "–" : `${Math.floor(rate * 1_000) / 10} %`;
}
