import { deepEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  DEFAULT_OUTBOX,
  EMPTY_OUTBOX,
  giveUp,
  nextSendAt,
  noteFailed,
  noteSent,
  type Outbox,
  post,
  ready,
} from "@/domain/alerts/outbox.ts";
import { MINUTE } from "../../support/crawler_runs.ts";
import { raisedAlert } from "../../support/raised_alerts.ts";

const NEVER = { ...DEFAULT_OUTBOX, longestMs: Infinity };
const behaviour = fc.record({
  outcome: fc.constantFrom("sent", "lost", "refused"),
  fits: fc.integer({ min: 1, max: 5 }),
  retryAfterMs: fc.constantFrom(undefined, undefined, 600_000),
});
const posts = fc.array(fc.record({ afterMs: fc.nat(30 * MINUTE), bad: fc.boolean() }), {
  ...{ minLength: 1, maxLength: 30 },
});

/**
 * Sends as the sender does, to a channel that follows the script and then works. A message that holds
 * a bad alert is refused, always.
 */
function run(
  script: readonly { outcome: string; fits: number; retryAfterMs: number | undefined }[],
) {
  let outbox: Outbox = EMPTY_OUTBOX;
  const delivered: string[] = [];
  const given: string[] = [];
  let [sends, now] = [0, 0];
  return {
    ...{ delivered, given },
    post: (alertId: string, raisedAt: number) => {
      outbox = post(outbox, raisedAlert({ alertId, raisedAt }));
      // Posting again what waits changes nothing.
      deepEqual(post(outbox, raisedAlert({ alertId, raisedAt })), outbox);
    },
    until(at: number) {
      for (;;) {
        const after = giveUp(outbox, now, NEVER);
        outbox = after.outbox;
        given.push(...after.givenUp.map(({ letter }) => letter.alert.alertId));
        const next = nextSendAt(outbox);
        if (next === undefined || next > at) return void (now = Math.max(now, at));
        now = Math.max(now, next);
        const { outcome, fits, retryAfterMs } = script[sends++] ??
          { outcome: "sent", fits: 9, retryAfterMs: undefined };
        ok(sends < 5_000, "it comes to an end");
        const alertIds = ready(outbox, now).slice(0, fits).map(({ alert }) => alert.alertId);
        ok(alertIds.length > 0, "what was announced is ready");
        const isBad = alertIds.some((id) => id.startsWith("bad"));
        if (outcome === "sent" && !isBad) {
          delivered.push(...alertIds);
          outbox = noteSent(outbox, alertIds);
          continue;
        }
        const refused = outcome !== "lost";
        outbox = noteFailed(outbox, { alertIds, at: now, refused, retryAfterMs }, NEVER);
        if (refused && retryAfterMs === undefined) continue;
        deepEqual(ready(outbox, now + (retryAfterMs ?? 1) - 1), [], "waits as asked");
      }
    },
  };
}

Deno.test("every alert is delivered once or given up once, whatever the channel does, once it works again", () => {
  fc.assert(fc.property(posts, fc.array(behaviour, { maxLength: 30 }), (posts, script) => {
    const channel = run(script);
    let now = 0;
    const all = posts.map(({ afterMs, bad }, i) => {
      channel.until(now += afterMs);
      const alertId = `${bad ? "bad" : "good"}-${i}`;
      channel.post(alertId, now);
      return alertId;
    });
    // The last one is taken, so that what is bad can be told from a channel that takes nothing.
    all.push("good-last");
    channel.until(now += 100 * MINUTE);
    channel.post("good-last", now);
    channel.until(1e12);
    deepEqual([...channel.delivered, ...channel.given].toSorted(), all.toSorted());
    ok(channel.delivered.every((id) => id.startsWith("good")));
  }));
});

Deno.test("a channel that refuses bad alerts alone is told every good one at once, and no good one is given up", () => {
  fc.assert(fc.property(posts, (posts) => {
    const channel = run([]);
    let now = 0;
    for (const [i, { afterMs, bad }] of posts.entries()) {
      channel.until(now += afterMs);
      channel.post(`${bad ? "bad" : "good"}-${i}`, now);
      channel.until(now);
      if (!bad) ok(channel.delivered.includes(`good-${i}`), "nothing holds it up");
    }
    ok(channel.given.every((id) => id.startsWith("bad")));
  }));
});
