import { deepEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import { dueAlerts, NO_ALERTS, noteAlert, noteRun } from "@/domain/alerts/rules.ts";
import { type Breaker, CLOSED, evolveBreaker } from "@/domain/crawlers/breaker.ts";
import type { AlertEvent } from "@/events/catalog/alert.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import {
  attempted,
  endEvent,
  failed,
  MINUTE,
  runEnds,
  started,
  succeeded,
} from "../support/crawler_runs.ts";
import { raisedAlert } from "../support/raised_alerts.ts";
import { crawlerTest, type CrawlingEvent, isRunEvent } from "./crawler_world.ts";

const raised = (alertId: string, raisedAt = 0): AlertEvent => ({
  type: "AlertRaised",
  data: raisedAlert({ alertId, raisedAt }),
});
const sent = (alertId: string, channel: string, attempt = 1): AlertEvent => ({
  type: "AlertSent",
  data: { alertId, channel, sentAt: 50, attempt },
});
const refused = (alertId: string, channel: string): AlertEvent => ({
  type: "AlertFailed",
  data: { alertId, channel, failedAt: 40, attempt: 2, error: "errcode 310000", retryAt: 99 },
});
const delivered = { status: "sent", at: 50, attempt: 1, error: null, retryAt: null };
const failing = { status: "failing", at: 40, attempt: 2, error: "errcode 310000", retryAt: 99 };

crawlerTest("crawler board", {
  async "knows who is paused, why and since when"({ append, crawlers, log }) {
    deepEqual(await crawlers.paused(), new Map());
    const pause = (source: string): CrawlingEvent => ({
      type: "CrawlerPaused",
      data: { source, reason: `no ${source}` },
    });
    await append(pause("sina"), pause("openvlab"), succeeded({ source: "klines" }));
    const since = (await log()).map(({ at }) => at.getTime());
    deepEqual([...await crawlers.paused()], [
      ["openvlab", { reason: "no openvlab", since: since[1] }],
      ["sina", { reason: "no sina", since: since[0] }],
    ]);
    await append({ type: "CrawlerResumed", data: { source: "sina" } });
    deepEqual([...(await crawlers.paused()).keys()], ["openvlab"]);
  },

  async "knows the breaker of each venue that ever failed"({ append, crawlers }) {
    await append(...[1, 2, 3].map((n) => failed({ runId: `f${n}`, at: n })));
    await append(failed({ runId: "s1", source: "sina" }), succeeded({ source: "klines" }));
    deepEqual(
      await crawlers.breakers(),
      new Map<string, Breaker>([
        ["openvlab", { status: "open", until: 300_003 }],
        ["sina", { status: "closed", failures: 1 }],
      ]),
    );
    await append(started({ runId: "probe", at: 400_000 }));
    const probing: Breaker = { status: "half_open", probe: "probe", until: 2_200_000 };
    deepEqual((await crawlers.breakers()).get("openvlab"), probing);
    await append(succeeded({ runId: "probe", at: 401_000 }));
    deepEqual((await crawlers.breakers()).get("openvlab"), CLOSED);
  },

  async "knows what is still to be told of a source, until an alert tells it"(world) {
    const { append, crawlers } = world;
    deepEqual(await crawlers.alertsOf("openvlab"), NO_ALERTS);
    const failure = failed({ at: 5 });
    await append(started(), attempted(), failure, succeeded({ runId: "2", source: "sina" }));
    const state = noteRun(NO_ALERTS, failure);
    deepEqual(await crawlers.alertsOf("openvlab"), state);
    deepEqual(await crawlers.untold(), new Map([["openvlab", state]]));
    const [alert] = dueAlerts(state, { source: "openvlab", at: 6 });
    if (alert === undefined) throw new Error("unreachable");
    await append({ type: "AlertRaised", data: alert });
    deepEqual(await crawlers.untold(), new Map());
    deepEqual(await crawlers.alertsOf("openvlab"), noteAlert(state, alert));
  },

  async "shows what each channel made of an alert"({ append, crawlers }) {
    await append(raised("1"), refused("1", "wecom"), sent("1", "slack"), sent("1", "__proto__"));
    const found = await crawlers.findAlert("1");
    deepEqual(found?.alert, raisedAlert({ alertId: "1", raisedAt: 0 }));
    deepEqual(Object.entries(found?.deliveries ?? {}).toSorted(), [
      ...[["__proto__", delivered], ["slack", delivered], ["wecom", failing]],
    ]);
    await append(sent("1", "wecom", 3));
    const { deliveries } = await crawlers.findAlert("1") ?? {};
    deepEqual(deliveries?.wecom, { ...delivered, attempt: 3 });
    equal(await crawlers.findAlert("2"), undefined);
  },

  async "finds what one of the channels has not taken, the oldest first"({ append, crawlers }) {
    await append(raised("newest", 30), raised("b", 20), raised("a", 20), raised("oldest", 10));
    await append(sent("oldest", "slack"), sent("oldest", "wecom"), sent("a", "slack"));
    await append(refused("b", "slack"), sent("b", "wecom"));
    const waiting = async (...channels: string[]) =>
      (await crawlers.undelivered(channels)).map(({ alert }) => alert.alertId);
    deepEqual(await waiting("slack"), ["b", "newest"]);
    deepEqual(await waiting("wecom"), ["a", "newest"]);
    deepEqual(await waiting("slack", "wecom"), ["a", "b", "newest"]);
    deepEqual(await waiting("it's; {new}"), ["oldest", "a", "b", "newest"]);
    deepEqual(await waiting(), []);
    const [first] = await crawlers.undelivered(["slack"]);
    deepEqual(first, {
      alert: raisedAlert({ alertId: "b", raisedAt: 20 }),
      deliveries: { slack: failing, wecom: delivered },
    });
  },

  async "holds no channel to what was raised before it came"({ append, crawlers }) {
    const both = raisedAlert({ alertId: "both", channels: ["slack", "wecom"] });
    const one = raisedAlert({ alertId: "one", channels: ["slack"], raisedAt: 7 });
    const none = raisedAlert({ alertId: "none", channels: [] });
    await append(...[both, one, none].map((data) => ({ type: "AlertRaised" as const, data })));
    const waiting = async (...channels: string[]) =>
      (await crawlers.undelivered(channels)).map(({ alert }) => alert.alertId);
    deepEqual(await waiting("wecom"), ["both"]);
    deepEqual(await waiting("slack"), ["one", "both"]);
    deepEqual(await waiting("new"), []);
    deepEqual((await crawlers.undelivered(["slack"], 8)).length, 1);
  },

  async "shows what was given up, and why, and asks for it no more"({ append, crawlers }) {
    const givenUp = (alertId: string, channel: string): AlertEvent => ({
      type: "AlertGivenUp",
      data: { alertId, channel, givenUpAt: 70, reason: "refused", attempts: 9 },
    });
    await append(raised("a"), refused("a", "wecom"), givenUp("a", "wecom"), sent("a", "slack"));
    await append(raised("b"), givenUp("b", "slack"), raised("c"));
    const ids = (all: readonly { alert: { alertId: string } }[]) =>
      all.map(({ alert }) => alert.alertId);
    deepEqual(ids(await crawlers.givenUp(["wecom"])), ["a"]);
    deepEqual(ids(await crawlers.givenUp(["wecom", "slack"])), ["a", "b"]);
    deepEqual(ids(await crawlers.givenUp(["wecom", "slack"], 1)), []);
    deepEqual(ids(await crawlers.givenUp([])), []);
    deepEqual(ids(await crawlers.undelivered(["wecom"])), ["b", "c"]);
    const [found] = await crawlers.givenUp(["wecom"]);
    deepEqual(found?.deliveries.wecom, {
      ...{ status: "given_up", at: 70, attempt: 9, error: "errcode 310000", retryAt: null },
    });
  },

  async "folds as the domain does, batch by batch, and a rebuild gives the same"(world) {
    const { append, crawlers, log } = world;
    let [at, n] = [0, 0];
    const batch = fc.tuple(runEnds(["a", "b"], 40 * MINUTE), fc.boolean());
    await fc.assert(
      fc.asyncProperty(batch, async ([ends, asked]) => {
        await append(...ends.flatMap((end): CrawlerRunEvent[] => {
          at += end.afterMs;
          const place = { runId: `run-${n++}`, at };
          const { source } = end;
          return end.how === "skipped"
            ? [endEvent(end, place)]
            : [started({ ...place, source }), endEvent(end, place)];
        }));
        if (asked) {
          for (const [source, state] of await crawlers.untold()) {
            const alerts = dueAlerts(state, { source, at });
            await append(...alerts.map((data) => ({ type: "AlertRaised" as const, data })));
          }
        }
        for (const source of ["a", "b"]) {
          let alerts = NO_ALERTS;
          let breaker = CLOSED;
          for (const event of await log()) {
            if (!("source" in event.data) || event.data.source !== source) continue;
            if (event.type === "AlertRaised") alerts = noteAlert(alerts, event.data);
            if (!isRunEvent(event)) continue;
            alerts = noteRun(alerts, event);
            breaker = evolveBreaker(breaker, event);
          }
          deepEqual(await crawlers.alertsOf(source), alerts);
          deepEqual((await crawlers.breakers()).get(source) ?? CLOSED, breaker);
        }
      }),
      { numRuns: 8, endOnFailure: true },
    );
    const { before, after } = await world.rebuilt();
    deepEqual(after, before);
    equal((await crawlers.findRuns({ page: 1, size: 1 })).total, n);
  },
});
