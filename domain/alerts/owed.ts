import type { RaisedAlert } from "@/events/catalog/alert.ts";

/** How it stands with one alert and one channel; undefined where nothing is known of a try. */
export type DeliveryStatus = "sent" | "failing" | "given_up" | undefined;

/** Whether the channel was there when the alert was raised: what is older is not told to a new one. */
export function isFor({ channels }: Pick<RaisedAlert, "channels">, channel: string): boolean {
  return channels === null || channels.includes(channel);
}

/** Whether the channel has yet to be told, as far as is known. */
export function isOwed(
  alert: Pick<RaisedAlert, "channels">,
  channel: string,
  status: DeliveryStatus,
): boolean {
  return isFor(alert, channel) && status !== "sent" && status !== "given_up";
}
