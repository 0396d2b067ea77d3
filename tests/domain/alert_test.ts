import { alert } from "@/domain/alert.ts";
import { testDecider } from "../support/given.ts";
import { alertedFailure, raisedAlert } from "../support/raised_alerts.ts";

const raised = { type: "AlertRaised", data: raisedAlert() } as const;
const raise = { type: "RaiseAlert", data: raised.data } as const;
const delivery = { alertId: "alert-1", channel: "dingtalk-1f8a3c02" };
const sent = { type: "AlertSent", data: { ...delivery, sentAt: 5, attempt: 2 } } as const;
const failure = { failedAt: 3, attempt: 1, error: "it answered HTTP 500", retryAt: 13 };
const failed = { type: "AlertFailed", data: { ...delivery, ...failure } } as const;
const recordSent = { type: "RecordSent", data: sent.data } as const;
const outcome = { givenUpAt: 9, reason: "refused", attempts: 8 } as const;
const givenUp = { type: "AlertGivenUp", data: { ...delivery, ...outcome } } as const;
const recordGivenUp = { type: "RecordGivenUp", data: givenUp.data } as const;
const recordFailure = { type: "RecordSendFailure", data: failed.data } as const;

function report(markdown: string) {
  return raisedAlert({ kind: "report", failures: [], text: { title: "A day", markdown } });
}

testDecider("RaiseAlert", alert, [
  { name: "records what people are to be told", given: [], when: raise, then: [raised] },
  {
    name: "is silent about what was raised before, whenever that was",
    given: [raised, sent],
    when: { type: "RaiseAlert", data: raisedAlert({ raisedAt: 77 }) },
    then: [],
  },
  {
    name: "is silent about what another instance raised, that tells other channels",
    given: [raised],
    when: { type: "RaiseAlert", data: raisedAlert({ channels: ["wecom-77d0a1b4"] }) },
    then: [],
  },
  {
    name: "refuses one that tells more than it did: somebody else was first",
    given: [raised],
    when: {
      type: "RaiseAlert",
      data: raisedAlert({
        kind: "digest",
        failures: [alertedFailure(), alertedFailure({ runId: "run-2" })],
      }),
    },
    then: "conflict",
  },
  {
    name: "refuses a report of other words: somebody else was first",
    given: [{ type: "AlertRaised", data: report("all is well") }],
    when: { type: "RaiseAlert", data: report("nothing is") },
    then: "conflict",
  },
]);

testDecider("RecordSent", alert, [
  { name: "records a delivery", given: [raised, failed], when: recordSent, then: [sent] },
  { name: "is silent the second time", given: [raised, sent], when: recordSent, then: [] },
  {
    name: "records that it was told after all by one who had not given it up",
    given: [raised, givenUp],
    when: recordSent,
    then: [sent],
  },
  {
    name: "records each channel for itself",
    given: [raised, sent],
    when: { type: "RecordSent", data: { ...sent.data, channel: "wecom-77d0a1b4" } },
    then: [{ type: "AlertSent", data: { ...sent.data, channel: "wecom-77d0a1b4" } }],
  },
  { name: "refuses an alert that nobody raised", given: [], when: recordSent, then: "not_found" },
]);

testDecider("RecordSendFailure", alert, [
  { name: "records why it failed", given: [raised], when: recordFailure, then: [failed] },
  {
    name: "is silent while it fails for the same reason",
    given: [raised, failed],
    when: { type: "RecordSendFailure", data: { ...failed.data, failedAt: 13, attempt: 2 } },
    then: [],
  },
  {
    name: "records another reason",
    given: [raised, failed],
    when: { type: "RecordSendFailure", data: { ...failed.data, error: "no answer" } },
    then: [{ type: "AlertFailed", data: { ...failed.data, error: "no answer" } }],
  },
  {
    name: "does not take back a delivery",
    given: [raised, sent],
    when: recordFailure,
    then: [],
  },
  {
    name: "is silent about what was given up",
    given: [raised, givenUp],
    when: recordFailure,
    then: [],
  },
  {
    name: "takes a channel named like a property of objects for what it is",
    given: [raised],
    when: { type: "RecordSendFailure", data: { ...failed.data, channel: "constructor" } },
    then: [{ type: "AlertFailed", data: { ...failed.data, channel: "constructor" } }],
  },
  {
    name: "refuses an alert that nobody raised",
    given: [],
    when: recordFailure,
    then: "not_found",
  },
]);

testDecider("RecordGivenUp", alert, [
  {
    name: "records that it is not told",
    given: [raised, failed],
    when: recordGivenUp,
    then: [givenUp],
  },
  { name: "is silent the second time", given: [raised, givenUp], when: recordGivenUp, then: [] },
  {
    name: "does not take back a delivery of another instance",
    given: [raised, sent],
    when: recordGivenUp,
    then: [],
  },
  {
    name: "refuses an alert that nobody raised",
    given: [],
    when: recordGivenUp,
    then: "not_found",
  },
]);
