import { Refusal } from "@/domain/decider.ts";
import type { AppDeps } from "./app_deps.ts";
import { readAlerts } from "./crawler_alerts.ts";
import { readHealth } from "./crawler_health.ts";
import { crawlerRunPage } from "./crawler_run_page.ts";
import { answerResponse, getRun, logsQuery, responseQuery } from "./crawler_runs.ts";
import { CRAWLERS_INLINE } from "./crawlers_inline.ts";
import { crawlersPage } from "./crawlers_page.ts";
import { answer, type AppContext } from "./envelope.ts";
import { failureHeaders } from "./errors.ts";
import type { ForeignRouter } from "./foreign.ts";
import { Markup, markup } from "./markup.ts";
import { inlinePolicy } from "./inline_policy.ts";
import { paginationOf } from "./pages.ts";
import { readVenues } from "./venue_standings.ts";
import { queryRecord, validate } from "./validate.ts";

type Deps = Pick<
  AppDeps,
  | ("crawlers" | "crawlerQueries" | "exchangeStandings" | "alertChannels")
  | ("blobRanges" | "clock" | "settings")
>;

const POLICY = inlinePolicy({ ...CRAWLERS_INLINE, forms: true });
const CHALLENGE = {
  "www-authenticate": 'Basic realm="Chandlery: any name, the operator\'s token"',
};

interface Content {
  readonly title: string;
  readonly main: Markup;
}

/**
 * Pages that show crawlers to people. Without a token they are 401 and empty: the script asks for one
 * and keeps it for the tab; `?login` has the browser itself ask, where there is no script.
 */
export function addCrawlerPages({ app, guard, judge }: ForeignRouter, deps: Deps): void {
  const { crawlerQueries, settings } = deps;

  app.get("/admin/crawlers", (c) =>
    show(c, async () => {
      const filters = filtersOf(c);
      const query = validate(logsQuery, filters, "query");
      const [health, venues, alerts, found] = await Promise.all([
        ...[readHealth(deps), readVenues(deps), readAlerts(deps)] as const,
        crawlerQueries.findRuns(query),
      ]);
      const pagination = paginationOf(query, found.total);
      const state = { health, venues, alerts, channels: deps.alertChannels, now: deps.clock.now() };
      const log = { runs: found.runs, pagination, filters };
      return { title: "Crawlers", main: crawlersPage(state, log, settings.timeZone) };
    }));

  app.get("/admin/crawlers/:id", (c) =>
    show(c, async () => {
      const run = await getRun(deps, c.req.param("id") ?? "");
      const title = `${run.source} ${run.status.replace("_", " ")}`;
      return { title, main: crawlerRunPage(run, settings.timeZone) };
    }));

  app.get("/admin/crawlers/:id/response", (c) =>
    withToken(c, async () => {
      const query = queryRecord(new URL(c.req.url).searchParams);
      return await answerResponse(deps, c, validate(responseQuery, query, "query").attempt);
    }));

  function show(c: AppContext, make: () => Promise<Content>): Promise<Response> {
    return withToken(c, async () => page(c, { ...await make(), shown: true }));
  }

  /** Answers whatever goes wrong as a page, too. */
  async function withToken(c: AppContext, go: () => Promise<Response>): Promise<Response> {
    const token = tokenOf(c.req.header("authorization"));
    const asks = c.req.query("login") !== undefined;
    if (token === undefined && !asks) return page(c, EMPTY);
    try {
      if (token === undefined) throw new Refusal("unauthenticated", "Cannot show this: sign in");
      await guard(c, "admin", token);
      return await go();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const outcome = judge(error, c);
      const byBrowser = outcome.status === 401 && (asks || isBasic(c));
      return page(c, {
        title: "Crawlers",
        main: markup`<p class="problem">${outcome.message}</p>
<p><a href="/admin/crawlers">All crawlers</a></p>`,
        ...{ shown: outcome.status !== 401, status: outcome.status },
        headers: { ...failureHeaders(outcome), ...(byBrowser ? CHALLENGE : {}) },
      });
    }
  }

  function page(c: AppContext, content: Page): Response {
    return answer(c, pageText(content, settings.simulated), {
      status: content.status ?? 200,
      headers: {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": POLICY,
        ...content.headers,
      },
    });
  }
}

interface Page extends Content {
  /** The caller was let in. */
  readonly shown: boolean;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const EMPTY: Page = {
  title: "Crawlers",
  main: markup`<p>Sign in to see the crawlers.</p>`,
  ...{ shown: false, status: 401 },
};

/** A form sends its empty fields, too. */
function filtersOf(c: AppContext): Record<string, string> {
  const given = queryRecord(new URL(c.req.url).searchParams);
  const { login: _, ...filters } = given;
  return Object.fromEntries(
    Object.entries(filters).map(([name, value]) => [name, value.trim()])
      .filter(([, value]) => value !== ""),
  );
}

/** A bearer's, or the password that a browser has asked for; undefined for what is neither. */
function tokenOf(header: string | undefined): string | undefined {
  const [, scheme = "", given = ""] = /^(\w+) +(\S+) *$/.exec(header ?? "") ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      return given;
    case "basic":
      return passwordOf(given);
    default:
      return undefined;
  }
}

function passwordOf(base64: string): string | undefined {
  try {
    const [, password] = /^[^:]*:(.+)$/s.exec(atob(base64)) ?? [];
    return password;
  } catch {
    return undefined;
  }
}

function isBasic(c: AppContext): boolean {
  return /^basic /i.test(c.req.header("authorization") ?? "");
}

function pageText({ title, main, shown }: Page, simulated: boolean): string {
  const { style, script } = CRAWLERS_INLINE;
  const banner = simulated ? markup`<p class="simulated">Simulated candles</p>` : null;
  return markup`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Chandlery</title>
<style>${new Markup(style)}</style>
<header>
<h1><a href="/admin/crawlers">Crawlers</a></h1>${banner}
<button type="button" id="sign-out" hidden>Sign out</button>
<span id="note" role="status"></span>
</header>
<form id="sign-in" hidden>
<label>Operator's token <input id="token" type="password" required></label> <button>Sign in</button>
</form>
<noscript><p>To look without JavaScript, <a href="?login">sign in</a>: any name, and the operator's
token as password. Starting and pausing goes through the API then.</p></noscript>
<main${new Markup(shown ? " data-shown" : "")}>${main}</main>
<script type="module">${new Markup(script)}</script>
</html>
`.text;
}
