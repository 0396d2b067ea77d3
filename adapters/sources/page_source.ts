import { z } from "zod";
import { BrowserError, type BrowserFailure } from "@/domain/ports/browser_error.ts";
import type { MarketReport, MarketSource } from "@/domain/ports/market_source.ts";
import type { PageReader, PageRows } from "@/domain/ports/page_reader.ts";
import { SourceError, type SourceErrorClass } from "@/domain/ports/source_error.ts";
import { nullableText, plainDecimal, text } from "./market_numbers.ts";
import { productOf, readContract } from "./products.ts";
import { refuseFailure } from "./refuse_failure.ts";
import { readSelectors, selectorsSetting } from "./selectors.ts";
import { sourceAnswer } from "./source_answer.ts";
import { type SourceReply, sourceReply } from "./source_reply.ts";
import { unanswered } from "./source_http.ts";
import type { SourceSettings } from "./source_settings.ts";

export type PageSourceName = "rongda" | "rongda2";

export interface PageSourceSettings extends Omit<SourceSettings, "fetch" | "clock"> {
  /** What draws the page; without one it cannot be read. */
  readonly pages?: PageReader | undefined;
}

const selector = z.string().min(1);

/** Where on the page the table and its columns are. */
const selection = z.strictObject({
  rows: selector,
  columns: z.strictObject({
    variety: selector,
    structure: selector,
    strength: selector,
    spread: selector,
  }),
  empty: selector.optional(),
  login: selector.optional(),
});

const rows = z.array(z.object({
  variety: text(),
  structure: nullableText(),
  strength: nullableText(),
  spread: nullableText(),
}));

/** What a browser's failure means for a source. */
const ERROR_CLASSES: Readonly<Record<BrowserFailure, SourceErrorClass>> = {
  missing: "not_configured",
  crashed: "network",
  timeout: "timeout",
  unreachable: "network",
  too_large: "invalid",
  bad_selector: "not_configured",
};

/** 融达期货 and 容大期货: a table behind a login that only a browser can draw. */
export function createPageSource(
  name: PageSourceName,
  settings: PageSourceSettings,
): MarketSource {
  const { baseUrl, cookie, selectors, pages } = settings;
  const setting = `SOURCE_${name.toUpperCase()}`;
  const missing = [
    ...(baseUrl === undefined ? [`SOURCE_URLS.${name}`] : []),
    ...(cookie === undefined ? [`${setting}_COOKIE`] : []),
    ...(selectors === undefined ? [selectorsSetting(name)] : []),
    ...(pages === undefined ? ["BROWSER_PATH"] : []),
  ];
  return {
    name,
    missing,
    async fetch({ date, signal }) {
      if (pages === undefined || cookie === undefined || baseUrl === undefined) {
        throw new SourceError(`Cannot crawl ${name}: ${missing.join(", ")} not set`, {
          ...{ source: name, op: "configuration", errorClass: "not_configured" },
        });
      }
      const picked = readSelectors(name, selectors, selection);
      const page = await draw(
        name,
        signal,
        () => pages.read({ ...picked, url: baseUrl, cookie, signal }),
      );
      const reply = sourceReply({
        ...{ source: name, op: "the page", status: page.status, contentType: "text/html" },
        bytes: new TextEncoder().encode(page.html),
        secrets: [cookie.reveal()],
        loginHint: `${setting}_COOKIE is the cookie of a browser that is logged in`,
      });
      return sourceAnswer([reply], { rows: reports(name, reply, { page, date }) });
    },
  };
}

async function draw(
  source: PageSourceName,
  signal: AbortSignal,
  read: () => Promise<PageRows>,
): Promise<PageRows> {
  try {
    return await read();
  } catch (cause) {
    if (signal.aborted || !(cause instanceof BrowserError)) {
      throw unanswered(cause, { source, op: "the page", signal });
    }
    const { failure, problem, hint } = cause;
    const wrong = failure === "bad_selector" ? `${selectorsSetting(source)} is wrong: ` : "";
    throw new SourceError(`Cannot crawl ${source}: ${wrong}${problem}`, {
      ...{ source, op: "the page", errorClass: ERROR_CLASSES[failure], hint, cause },
    });
  }
}

function reports(
  source: PageSourceName,
  reply: SourceReply,
  { page, date }: { readonly page: PageRows; readonly date: string },
): MarketReport[] {
  refuseFailure(reply, { status: page.status, headers: new Headers() });
  if (page.wantsLogin) throw reply.fail("login_required", "it answers a page to log in at");
  if (page.rows.length === 0 && page.isEmpty) return [];
  const unseen = unseenSelector(page);
  if (unseen !== undefined) {
    const difference = `expected elements of ${unseen}, received none`;
    throw reply.fail("schema_changed", `its page has changed: ${difference}`, {
      differences: [difference],
      hint: `correct ${selectorsSetting(source)}`,
    });
  }
  return reply.as(rows, page.rows).map(({ variety, ...columns }) => {
    const contract = readContract(variety);
    return {
      ...{ source, kind: "structure", ...productOf(contract?.letters ?? variety) },
      ...(contract === undefined ? {} : { contract: contract.contract }),
      reportDate: date,
      values: { name: variety, ...mapped(columns) },
    };
  });
}

/** A selector that finds nothing at all is one that the page no longer has. */
function unseenSelector({ rows: found }: PageRows): string | undefined {
  if (found.length === 0) return "rows";
  const column = Object.keys(selection.shape.columns.shape)
    .find((name) => found.every((one) => (one[name] ?? null) === null));
  return column === undefined ? undefined : `columns.${column}`;
}

/** Numbers as numbers, words as they are. */
function mapped(columns: Readonly<Record<string, string | null>>): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(columns).map(([name, value]) => {
      const plain = plainDecimal(value);
      return [name, plain === undefined ? value : plain];
    }),
  );
}
