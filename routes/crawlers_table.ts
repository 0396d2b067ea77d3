import { localTime } from "@/domain/alerts/language.ts";
import { Markup, markup } from "./markup.ts";

export function table(head: readonly string[], rows: readonly Markup[]): Markup {
  return markup`<div class="scroll"><table>
<thead><tr>${head.map((one) => markup`<th>${one}</th>`)}</tr></thead>
<tbody>
${rows}</tbody>
</table></div>`;
}

/** How the page shows a time. */
export type Time = (at: number | null | undefined) => Markup;

export function runLink(runId: string, label: Markup | string): Markup {
  return markup`<a href="/admin/crawlers/${encodeURIComponent(runId)}">${label}</a>`;
}

export function sourceLink(source: string): Markup {
  return markup`<a href="/admin/crawlers?source=${encodeURIComponent(source)}">${source}</a>`;
}

/** A state as a word in its colour. */
export function mark(state: string): Markup {
  return markup`<span class="state ${state}">${state.replaceAll("_", " ")}</span>`;
}

/** In UTC, as the filters take it; the time of people's own zone is shown beside the pointer. */
export function timeText(at: number | null | undefined, timeZone: string): Markup {
  if (at === null || at === undefined) return new Markup("–");
  const iso = new Date(at).toISOString();
  const shown = iso.slice(0, 19).replace("T", " ");
  const local = `${localTime(at, timeZone)} ${timeZone}`;
  return markup`<time datetime="${iso}" title="${local}">${shown}</time>`;
}
