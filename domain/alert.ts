import type { AlertEvent, RaisedAlert } from "@/events/catalog/alert.ts";
import { type Decider, Refusal } from "./decider.ts";

type Data<T extends AlertEvent["type"]> = Extract<AlertEvent, { type: T }>["data"];

export type AlertCommand =
  | { readonly type: "RaiseAlert"; readonly data: RaisedAlert }
  | { readonly type: "RecordSent"; readonly data: Data<"AlertSent"> }
  | { readonly type: "RecordSendFailure"; readonly data: Data<"AlertFailed"> }
  | { readonly type: "RecordGivenUp"; readonly data: Data<"AlertGivenUp"> };

export type Delivery =
  | { readonly status: "sent" }
  | { readonly status: "failing"; readonly error: string }
  | { readonly status: "given_up" };

export type Alert =
  | { readonly status: "absent" }
  | {
    readonly status: "raised";
    readonly alert: RaisedAlert;
    /** By channel; one that was not tried yet has none. */
    readonly deliveries: Readonly<Record<string, Delivery>>;
  };

/** One alert and its deliveries. Stream `alert-<alertId>`. */
export const alert: Decider<AlertCommand, AlertEvent, Alert> = {
  initial: { status: "absent" },

  decide({ type, data }, state) {
    if (type === "RaiseAlert") return raise(data, state);
    const { alertId, channel } = data;
    if (state.status === "absent") {
      throw new Refusal("not_found", `Cannot find alert ${alertId}: raise it first`);
    }
    const delivery = Object.hasOwn(state.deliveries, channel)
      ? state.deliveries[channel]
      : undefined;
    if (delivery?.status === "sent") return [];
    // Another instance had it in hand, and told it after all.
    if (type === "RecordSent") return [{ type: "AlertSent", data }];
    if (delivery?.status === "given_up") return [];
    switch (type) {
      case "RecordSendFailure":
        return delivery?.error === data.error ? [] : [{ type: "AlertFailed", data }];
      case "RecordGivenUp":
        return [{ type: "AlertGivenUp", data }];
    }
  },

  evolve(state, { type, data }) {
    if (type === "AlertRaised") return { status: "raised", alert: data, deliveries: {} };
    if (state.status === "absent") return state;
    const { channel } = data;
    switch (type) {
      case "AlertSent":
        return withDelivery(state, channel, { status: "sent" });
      case "AlertFailed":
        return withDelivery(state, channel, { status: "failing", error: data.error });
      case "AlertGivenUp":
        return withDelivery(state, channel, { status: "given_up" });
    }
  },
};

/** Two who raise the same alert at one time may tell different runs: the second is to look again. */
function raise(data: RaisedAlert, state: Alert): AlertEvent[] {
  if (state.status === "absent") return [{ type: "AlertRaised", data }];
  if (tells(state.alert) === tells(data)) return [];
  throw new Refusal("conflict", `Cannot raise alert ${data.alertId}: it tells something else`);
}

function tells({ kind, failures, recovery, text }: RaisedAlert): string {
  const runs = failures.map(({ runId }) => runId);
  return JSON.stringify([kind, runs, recovery?.runId, text?.title, text?.markdown]);
}

function withDelivery(
  state: Extract<Alert, { status: "raised" }>,
  channel: string,
  delivery: Delivery,
): Alert {
  return { ...state, deliveries: { ...state.deliveries, [channel]: delivery } };
}
