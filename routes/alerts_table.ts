import { isFor } from "@/domain/alerts/owed.ts";
import type { AlertDelivery } from "@/projections/crawler_queries.ts";
import { mark, runLink, table, type Time } from "./crawlers_table.ts";
import { type Markup, markup } from "./markup.ts";

const HEAD = ["Raised", "About", "Source", "Channel", "State", "Tried", "Next try", "Error"];

/** Alerts that some channel has not taken, a row for each such channel; null when there is none. */
export function alertsTable(
  alerts: readonly AlertDelivery[],
  channels: readonly string[],
  time: Time,
): Markup | null {
  const rows = alerts.flatMap((one) => channels.flatMap((channel) => alertRow(one, channel, time)));
  return rows.length === 0 ? null : markup`<h2>Alerts not delivered</h2>
${table(HEAD, rows)}`;
}

function alertRow({ alert, deliveries }: AlertDelivery, channel: string, time: Time): Markup[] {
  const known = Object.hasOwn(deliveries, channel) ? deliveries[channel] : undefined;
  if (known?.status === "sent" || !isFor(alert, channel)) return [];
  const runId = alert.failures.at(-1)?.runId ?? alert.recovery?.runId;
  return [markup`<tr>
<td>${time(alert.raisedAt)}</td>
<td>${runId === undefined ? alert.kind : runLink(runId, alert.kind)}</td>
<td>${alert.source}</td>
<td>${channel}</td>
<td>${mark(known?.status ?? "waiting")}</td>
<td class="number">${known?.attempt ?? 0}</td>
<td>${time(known?.retryAt)}</td>
<td class="text">${known?.error ?? null}</td>
</tr>
`];
}
