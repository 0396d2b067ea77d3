import { bigint, index, jsonb, pgTable } from "drizzle-orm/pg-core";
import type { AlertEvent } from "@/events/catalog/alert.ts";
import { byteText } from "./byte_text.ts";
import type { AlertDelivery } from "./crawler_queries.ts";
import type { RowProjection } from "./define.ts";

const VERSION = 2;
const NAME = `alert_deliveries_v${VERSION}`;
export const alertDeliveriesTable = pgTable(NAME, {
  alertId: byteText("alert_id").primaryKey(),
  raisedAt: bigint("raised_at", { mode: "number" }).notNull(),
  alert: jsonb("alert").$type<AlertDelivery["alert"]>().notNull(),
  deliveries: jsonb("deliveries").$type<AlertDelivery["deliveries"]>().notNull(),
}, (table) => [index(`${NAME}_raised`).on(table.raisedAt, table.alertId)]);
export type AlertDeliveryRow = typeof alertDeliveriesTable.$inferSelect;

/** One row an alert: what it tells and what each channel made of it. */
export const alertDeliveries: RowProjection<AlertEvent, AlertDeliveryRow> = {
  kind: "rows",
  name: "alert_deliveries",
  version: VERSION,
  table: alertDeliveriesTable,
  oneStream: true,
  keys: ({ data }) => [data.alertId],
  on: {
    AlertRaised: (_, { data: alert }) => {
      const { alertId, raisedAt } = alert;
      return { alertId, raisedAt, alert, deliveries: {} };
    },
    AlertSent: (row, { data: { channel, sentAt: at, attempt } }) =>
      row && withDelivery(row, channel, {
        ...{ status: "sent", at, attempt, error: null, retryAt: null },
      }),
    AlertFailed: (row, { data: { channel, failedAt: at, attempt, error, retryAt } }) =>
      row && withDelivery(row, channel, { status: "failing", at, attempt, error, retryAt }),
    // What it failed for last stays to be seen.
    AlertGivenUp: (row, { data: { channel, givenUpAt: at, attempts: attempt } }) =>
      row && withDelivery(row, channel, {
        ...{ status: "given_up", at, attempt, error: errorOf(row, channel), retryAt: null },
      }),
  },
};

function errorOf({ deliveries }: AlertDeliveryRow, channel: string): string | null {
  return Object.hasOwn(deliveries, channel) ? deliveries[channel]?.error ?? null : null;
}

function withDelivery(
  row: AlertDeliveryRow,
  channel: string,
  delivery: AlertDelivery["deliveries"][string],
): AlertDeliveryRow {
  return { ...row, deliveries: { ...row.deliveries, [channel]: delivery } };
}
