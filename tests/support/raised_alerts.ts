import type { AlertedFailure, RaisedAlert } from "@/events/catalog/alert.ts";

/** 2026-03-01 17:30:05 in Shanghai. */
export const ALERT_AT = Date.parse("2026-03-01T09:30:05Z");

export function alertedFailure(over: Partial<AlertedFailure> = {}): AlertedFailure {
  return {
    ...{ runId: "run-1", status: "failed", finishedAt: ALERT_AT, attempts: 4 },
    ...{ errorClass: "ServerError", errorMessage: "Cannot ask openvlab: it answered HTTP 503" },
    httpStatus: 503,
    ...over,
  };
}

/** The alert of one failure. */
export function raisedAlert(over: Partial<RaisedAlert> = {}): RaisedAlert {
  return {
    ...{ alertId: "alert-1", kind: "failure", source: "openvlab", raisedAt: ALERT_AT },
    failures: [alertedFailure()],
    failing: { since: ALERT_AT, runs: 1 },
    ...{ channels: null, recovery: null, text: null },
    ...over,
  };
}
