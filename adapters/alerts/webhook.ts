import { createHmac } from "node:crypto";
import type { AlertedFailure, RaisedAlert } from "@/events/catalog/alert.ts";
import { byteLength, complaintOf, type Dialect } from "./dialect.ts";

const MAX_BODY_BYTES = 1_000_000;

/**
 * Any HTTP endpoint: the text for people and the alerts for machines. With a secret the body is
 * signed, `X-Signature: sha256=<hex of HMAC-SHA256>`. An alert comes at least once: `alert_id` tells
 * a repeat.
 */
export const webhook: Dialect = {
  windows: [{ most: 10, ms: 1_000 }],
  maxMarkdownBytes: 200_000,
  blockedMs: 60_000,

  draft({ title, alerts }, { target, at }) {
    const sentAt = new Date(at).toISOString();
    const body = (text: string) =>
      JSON.stringify({ title, text, sent_at: sentAt, alerts: alerts.map(wireAlert) });
    return {
      ...{ url: target.url, body },
      fits: (markdown) => byteLength(body(markdown)) <= MAX_BODY_BYTES,
      headers: (sent): Record<string, string> => {
        if (target.secret === undefined) return {};
        const signature = createHmac("sha256", target.secret).update(sent).digest("hex");
        return { "x-signature": `sha256=${signature}` };
      },
    };
  },

  complaint(answer) {
    if (answer.json?.errcode === undefined) return undefined;
    const words = { codes: ["errcode"], messages: ["errmsg"], busy: [-1], tooMany: [] };
    return complaintOf(answer, words);
  },
};

function wireAlert(alert: RaisedAlert): Readonly<Record<string, unknown>> {
  const { failing, recovery } = alert;
  return {
    ...{ alert_id: alert.alertId, kind: alert.kind, source: alert.source },
    raised_at: iso(alert.raisedAt),
    failures: alert.failures.map(wireFailure),
    failing: failing && { since: iso(failing.since), runs: failing.runs },
    recovery: recovery && { run_id: recovery.runId, at: iso(recovery.at) },
  };
}

function wireFailure(failure: AlertedFailure): Readonly<Record<string, unknown>> {
  const { runId, status, finishedAt, attempts, errorClass, errorMessage, httpStatus } = failure;
  return {
    ...{ run_id: runId, status, finished_at: iso(finishedAt), attempts },
    ...{ error_class: errorClass, error_message: errorMessage, http_status: httpStatus },
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
