import { z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import type { AppDeps } from "./app_deps.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { answer, success } from "./envelope.ts";
import { isoTime } from "./iso_time.ts";
import { textBody } from "./media.ts";
import { prefers } from "./negotiate.ts";

type Deps = Pick<AppDeps, "dailyReport">;

const reportWire = z.object({
  date: z.iso.date(),
  title: z.string(),
  markdown: z.string(),
  is_over: z.boolean().openapi({
    description: "False of today: it says what there is of the day so far, as its title does.",
  }),
  raised_at: z.iso.datetime().nullable().openapi({ description: "Null before it was told." }),
}).openapi("DailyReport");

const isDate = z.iso.date();

/** `GET /admin/reports/daily/{date}`: the day as operators are told of it. */
export function addDailyReportRoutes(router: Router, { dailyReport }: Deps): void {
  endpoint(router, {
    ...{ method: "get", path: "/admin/reports/daily/{date}", access: "admin", tag: "Crawlers" },
    params: { date: "A day in `TIME_ZONE`, e.g. `2026-03-01`" },
    summary: "What happened on a day: runs, gaps, failures, archive, disk",
    ...{ query: z.strictObject({}), body: undefined },
    answer: {
      ...{ status: 200, description: "The report", data: reportWire },
      types: { "text/markdown": textBody("Its markdown alone, for those who accept only that") },
    },
  }, async (c) => {
    const date = dateGiven(c.req.param("date") ?? "");
    const report = await dailyReport(date);
    if (report === undefined) {
      throw new Refusal(
        "not_found",
        `Cannot find a report of ${date}: the day has not begun, or nothing ever ran before it was over`,
      );
    }
    const { title, markdown, raisedAt, isOver } = report;
    const headers = { vary: "accept, accept-encoding" };
    if (prefers(c.req.header("accept"), "text/markdown", "application/json")) {
      const type = { "content-type": "text/markdown; charset=utf-8" };
      return answer(c, markdown, { headers: { ...headers, ...type } });
    }
    const data = {
      ...{ date: report.date, title, markdown },
      ...{ is_over: isOver, raised_at: isoTime(raisedAt) },
    };
    return success(c, data, { headers });
  });
}

function dateGiven(text: string): string {
  if (isDate.safeParse(text).success) return text;
  const message = `Cannot find a report of ${text}: send a date like 2026-03-01`;
  throw new Refusal("validation_error", message, { field: "date" });
}
