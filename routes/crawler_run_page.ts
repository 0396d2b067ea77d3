import { bytesText } from "@/domain/alerts/language.ts";
import type { CrawlerRunView, RunAttempt } from "@/projections/crawler_queries.ts";
import { errorText, took } from "./crawlers_page.ts";
import { mark, runLink, sourceLink, table, timeText } from "./crawlers_table.ts";
import { type Markup, markup } from "./markup.ts";

const HEAD = ["No.", "Status", "Started", "Took", "Next", "Answer", "Error"];

/** A run with every attempt. */
export function crawlerRunPage(run: CrawlerRunView, timeZone: string): Markup {
  const { runId, startedAt, finishedAt, bytes, retryOf } = run;
  const time = (at: number | null) => timeText(at, timeZone);
  const facts: readonly (readonly [string, Markup | string | number | null])[] = [
    ["Source", sourceLink(run.source)],
    ["Venue", run.venue],
    ["Status", mark(run.status)],
    ["Trigger", run.trigger.replaceAll("_", " ")],
    ["Scheduled for", time(run.scheduledFor)],
    ["Started", time(startedAt)],
    ["Finished", time(finishedAt)],
    ["Took", took(finishedAt === null ? null : finishedAt - startedAt)],
    ["Rows", run.rows],
    ["Bytes", bytes === null ? null : bytesText(bytes)],
    ["Error", errorText(run, Infinity)],
    ["In place of", retryOf === null ? null : runLink(retryOf, retryOf)],
    ["Crashes before it", run.crashes === 0 ? null : run.crashes],
  ];
  const shown = facts.flatMap(([name, value]) =>
    value === null ? [] : [markup`<dt>${name}</dt><dd>${value}</dd>\n`]
  );
  return markup`<section id="run" data-live>
<h2>Run ${runId}</h2>
<dl>
${shown}</dl>
<h2>Attempts</h2>
${table(HEAD, run.attempts.map((one) => attemptRow(runId, one, time)))}
</section>`;
}

function attemptRow(
  runId: string,
  one: RunAttempt,
  time: (at: number | null) => Markup,
): Markup {
  return markup`<tr>
<td class="number">${one.attempt}</td>
<td>${mark(one.status)}</td>
<td>${time(one.startedAt)}</td>
<td class="number">${took(one.durationMs)}</td>
<td>${one.retryAt === null ? null : time(one.retryAt)}</td>
<td>${answerLink(runId, one)}</td>
<td class="text">${errorText(one, Infinity)}</td>
</tr>
`;
}

/** Foreign content: it is saved as a file and never shown. */
function answerLink(runId: string, { attempt, response }: RunAttempt): Markup | null {
  if (response === null) return null;
  const path = `/admin/crawlers/${encodeURIComponent(runId)}/response?attempt=${attempt}`;
  const size = bytesText(response.sizeBytes);
  return markup`<a href="${path}" data-file="answer-${attempt}.bin">${size}</a>`;
}
