import { deepEqual, equal } from "node:assert/strict";
import {
  EMPTY_OUTBOX,
  nextSendAt,
  noteFailed,
  noteSent,
  type Outbox,
  post,
  ready,
} from "@/domain/alerts/outbox.ts";
import { raisedAlert } from "../../support/raised_alerts.ts";

const holding = (...alertIds: string[]): Outbox =>
  alertIds.map((alertId) => raisedAlert({ alertId })).reduce(post, EMPTY_OUTBOX);
const idsOf = (outbox: Outbox, at: number) => ready(outbox, at).map(({ alert }) => alert.alertId);
const lost = (outbox: Outbox, at: number, alertIds: string[]) =>
  noteFailed(outbox, { alertIds, at, refused: false });
const refused = (outbox: Outbox, at: number, alertIds: string[]) =>
  noteFailed(outbox, { alertIds, at, refused: true });

Deno.test("outbox gives all that waits at once, oldest first", () => {
  deepEqual(idsOf(holding("a", "b", "c"), 0), ["a", "b", "c"]);
  equal(nextSendAt(holding("a")), -Infinity);
});

Deno.test("outbox that is empty has nothing to send, ever", () => {
  deepEqual(idsOf(EMPTY_OUTBOX, 0), []);
  equal(nextSendAt(EMPTY_OUTBOX), undefined);
});

Deno.test("outbox holds an alert once", () => {
  const outbox = holding("a");
  equal(post(outbox, raisedAlert({ alertId: "a" })), outbox);
});

Deno.test("outbox forgets what was sent and nothing else", () => {
  deepEqual(idsOf(noteSent(holding("a", "b", "c"), ["a", "b"]), 0), ["c"]);
});

Deno.test("outbox waits twice as long after each failure, at most a quarter of an hour", () => {
  let outbox = holding("a");
  const waits: number[] = [];
  let now = 0;
  for (let i = 0; i < 9; i++) {
    outbox = lost(outbox, now, ["a"]);
    const next = nextSendAt(outbox) ?? 0;
    waits.push((next - now) / 1_000);
    deepEqual(idsOf(outbox, next - 1), []);
    deepEqual(idsOf(outbox, next), ["a"]);
    now = next;
  }
  deepEqual(waits, [10, 20, 40, 80, 160, 320, 640, 900, 900]);
  equal(outbox.waiting[0]?.attempts, 9);
});

Deno.test("outbox waits as long as the channel asks", () => {
  const failure = { alertIds: ["a"], at: 0, refused: false, retryAfterMs: 600_000 };
  equal(nextSendAt(noteFailed(holding("a"), failure)), 600_000);
});

Deno.test("outbox starts anew with short waits after a delivery", () => {
  let outbox = lost(lost(holding("a", "b"), 0, ["a", "b"]), 10_000, ["a", "b"]);
  outbox = noteSent(outbox, ["a"]);
  equal(nextSendAt(outbox), -Infinity);
  equal(nextSendAt(lost(outbox, 0, ["b"])), 10_000);
});

Deno.test("outbox sends alerts of a refused message one by one, those behind them in between", () => {
  let outbox = refused(holding("bad", "good"), 0, ["bad", "good"]);
  deepEqual(idsOf(outbox, 10_000), ["bad"]);
  outbox = refused(outbox, 10_000, ["bad"]);
  deepEqual(idsOf(outbox, 30_000), ["good"]);
  outbox = noteSent(outbox, ["good"]);
  outbox = post(outbox, raisedAlert({ alertId: "new" }));
  deepEqual(idsOf(outbox, 30_000), ["new"]);
  outbox = noteSent(outbox, ["new"]);
  deepEqual(idsOf(outbox, 30_000), ["bad"]);
});

Deno.test("outbox keeps what could not be delivered for as long as it takes", () => {
  let outbox = holding("a");
  for (let i = 0; i < 1_000; i++) outbox = refused(outbox, i * 900_000, ["a"]);
  deepEqual(idsOf(outbox, Infinity), ["a"]);
  equal((nextSendAt(outbox) ?? 0) - 999 * 900_000, 900_000);
});
