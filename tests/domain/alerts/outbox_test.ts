import { deepEqual, equal } from "node:assert/strict";
import {
  dropped,
  EMPTY_OUTBOX,
  giveUp,
  inTime,
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

Deno.test("outbox sends alerts of a refused message one by one, at once", () => {
  let outbox = refused(holding("bad", "good"), 0, ["bad", "good"]);
  deepEqual(idsOf(outbox, 0), ["bad"]);
  outbox = refused(outbox, 0, ["bad"]);
  deepEqual(idsOf(outbox, 0), ["good"]);
});

Deno.test("outbox lets nothing wait for an alert that the channel refuses", () => {
  let outbox = refused(holding("bad"), 0, ["bad"]);
  for (let i = 0; i < 6; i++) outbox = refused(outbox, nextSendAt(outbox) ?? 0, ["bad"]);
  outbox = post(outbox, raisedAlert({ alertId: "new" }));
  deepEqual(idsOf(outbox, 0), ["new"], "by itself, at once");
  outbox = post(refused(holding("bad"), 0, ["bad"]), raisedAlert({ alertId: "new" }));
  deepEqual(idsOf(outbox, 10_000), ["new"], "what was tried less goes first");
});

Deno.test("outbox waits longer and longer before it repeats what was refused, at most an hour", () => {
  let outbox = holding("a");
  const waits: number[] = [];
  let now = 0;
  for (let i = 0; i < 11; i++, now = nextSendAt(outbox) ?? 0) {
    outbox = refused(outbox, now, ["a"]);
    waits.push(((nextSendAt(outbox) ?? 0) - now) / 1_000);
  }
  deepEqual(waits, [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
});

Deno.test("outbox keeps everything waiting while the channel is not there, and only then", () => {
  const outbox = lost(post(refused(holding("bad"), 0, ["bad"]), raisedAlert()), 1, ["alert-1"]);
  deepEqual(idsOf(post(outbox, raisedAlert({ alertId: "new" })), 10_000), []);
  equal(nextSendAt(outbox), 10_001);
  const asked = { alertIds: ["bad"], at: 0, refused: true, retryAfterMs: 60_000 };
  equal(nextSendAt(post(noteFailed(holding("bad"), asked), raisedAlert())), 60_000);
});

Deno.test("outbox gives up what is refused eight times by a channel that takes others", () => {
  let outbox = refused(holding("bad", "good"), 0, ["bad", "good"]);
  outbox = noteSent(refused(outbox, 0, ["bad"]), ["good"]);
  deepEqual(idsOf(outbox, 0), ["bad"], "the channel works: it gets another chance at once");
  for (let i = 0; i < 8; i++) {
    deepEqual(giveUp(outbox, 0).givenUp, []);
    outbox = refused(outbox, nextSendAt(outbox) ?? 0, ["bad"]);
    outbox = noteSent(post(outbox, raisedAlert({ alertId: "other" })), ["other"]);
  }
  const given = giveUp(outbox, 0);
  deepEqual(given.givenUp.map(({ letter, reason }) => [letter.alert.alertId, reason]), [
    ["bad", "refused"],
  ]);
  equal(given.outbox.waiting.length, 0);
});

Deno.test("outbox gives up nothing of a channel that takes nothing, for a week", () => {
  const week = 7 * 86_400_000;
  let outbox = ["a", "b"].map((alertId) => raisedAlert({ alertId, raisedAt: 0 }))
    .reduce(post, EMPTY_OUTBOX);
  for (let i = 0; i < 1_000; i++) {
    outbox = refused(refused(outbox, i * 600_000, ["a"]), i * 600_000, ["b"]);
  }
  equal(giveUp(outbox, week - 1).outbox, outbox);
  // A new key: whatever was refused before goes out at once.
  deepEqual(idsOf(noteSent(outbox, ["a"]), week - 1), ["b"]);
  const { givenUp } = giveUp(outbox, week);
  deepEqual(givenUp.map(({ reason }) => reason), ["too_old", "too_old"]);
});

Deno.test("outbox forgets what another instance has told, and nothing else of the channel", () => {
  const outbox = lost(holding("a", "b"), 0, ["a", "b"]);
  deepEqual(idsOf(dropped(outbox, ["a"]), 10_000), ["b"]);
  equal(nextSendAt(dropped(outbox, ["a"])), 10_000);
});

Deno.test("outbox waits no longer than it has to for a clock that was a day ahead", () => {
  const [day, minute] = [86_400_000, 60_000];
  const none = lost(holding("a"), day, ["a"]);
  equal(nextSendAt(none), day + 10_000);
  equal(nextSendAt(inTime(none, minute)), minute + 10_000);
  equal(inTime(none, day), none, "a clock that is right changes nothing");
  const asked = noteFailed(holding("a"), {
    ...{ alertIds: ["a"], at: day, refused: false, retryAfterMs: 30 * minute },
  });
  equal(nextSendAt(inTime(asked, 0)), 30 * minute);
  const bad = refused(refused(holding("a"), day, ["a"]), day, ["a"]);
  equal(nextSendAt(inTime(bad, 0)), 20_000);
  deepEqual(idsOf(inTime(bad, 0), 20_000), ["a"]);
});

Deno.test("outbox gives of letters that go alone the one that was tried least", () => {
  const { waiting } = holding("a", "b", "c");
  const tried = [2, 1, 3];
  const letters = waiting.map((letter, n) => ({ ...letter, alone: true, attempts: tried[n] ?? 0 }));
  deepEqual(idsOf({ ...EMPTY_OUTBOX, waiting: letters }, 0), ["b"]);
});
