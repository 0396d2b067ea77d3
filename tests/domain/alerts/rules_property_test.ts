import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { alert } from "@/domain/alert.ts";
import {
  DEFAULT_ALERTS,
  dueAlerts,
  nextAlertAt,
  NO_ALERTS,
  noteAlert,
  noteRun,
  type SourceAlerts,
} from "@/domain/alerts/rules.ts";
import { Refusal } from "@/domain/decider.ts";
import type { AlertEvent, RaisedAlert } from "@/events/catalog/alert.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import { endEvent, MINUTE, runEnds } from "../../support/crawler_runs.ts";
import { trusted } from "@/events/trust.ts";
import { stateAfter } from "../../support/given.ts";

const SOURCES = ["openvlab", "hzzhqx", "klines"];
const FAILED = ["CrawlerFailed", "CrawlerTimedOut", "CrawlerCrashed"];

interface World {
  now: number;
  readonly states: Map<string, SourceAlerts>;
  readonly raised: RaisedAlert[];
}

const stateOf = ({ states }: World, source: string): SourceAlerts =>
  states.get(source) ?? NO_ALERTS;

function raiseDue(world: World, source: string): void {
  const alerts = dueAlerts(stateOf(world, source), { source, at: world.now });
  for (const one of alerts) world.states.set(source, noteAlert(stateOf(world, source), one));
  world.raised.push(...alerts);
  deepEqual(dueAlerts(stateOf(world, source), { source, at: world.now }), [], "raised is not due");
}

/** Which runs failed for good, in order. */
function failedRuns(events: readonly CrawlerRunEvent[]): string[] {
  return events.filter(({ type }) => FAILED.includes(type)).map(({ data }) => data.runId);
}

Deno.test("every final failure is in exactly one alert, however often the rules are asked", () => {
  const asks = fc.infiniteStream(fc.boolean());
  fc.assert(fc.property(runEnds(SOURCES, 40 * MINUTE), asks, (ends, asks) => {
    const world: World = { now: 0, states: new Map(), raised: [] };
    const events: CrawlerRunEvent[] = [];
    for (const [i, end] of ends.entries()) {
      world.now += end.afterMs;
      const event = endEvent(end, { runId: `run-${i}`, at: world.now });
      events.push(event);
      world.states.set(end.source, noteRun(stateOf(world, end.source), event));
      if (asks.next().value) raiseDue(world, end.source);
    }
    world.now += DEFAULT_ALERTS.digestMs;
    for (const source of SOURCES) raiseDue(world, source);
    const told = world.raised.flatMap(({ failures }) => failures.map(({ runId }) => runId));
    deepEqual(told.toSorted(), failedRuns(events).toSorted());
    equal(new Set(world.raised.map(({ alertId }) => alertId)).size, world.raised.length);
  }));
});

Deno.test("rules that are asked whenever something is due tell failures in time and not too often", () => {
  fc.assert(fc.property(runEnds(["klines"], 20 * MINUTE), (ends) => {
    const world: World = { now: 0, states: new Map(), raised: [] };
    const source = "klines";
    const until = (at: number) => {
      for (;;) {
        const next = nextAlertAt(stateOf(world, source));
        if (next === undefined || next > at) break;
        world.now = Math.max(world.now, next);
        const before = world.raised.length;
        raiseDue(world, source);
        ok(world.raised.length > before, "what was announced is due");
      }
      world.now = at;
    };
    let now = 0;
    let failing = false;
    for (const [i, end] of ends.entries()) {
      until(now += end.afterMs);
      const event = endEvent(end, { runId: `run-${i}`, at: now });
      if (FAILED.includes(event.type)) failing = true;
      if (event.type === "CrawlerSucceeded") failing = false;
      world.states.set(source, noteRun(stateOf(world, source), event));
      until(now);
    }
    until(now + 2 * DEFAULT_ALERTS.digestMs);
    for (const { raisedAt, failures } of world.raised) {
      for (const failure of failures) {
        ok(raisedAt - failure.finishedAt <= DEFAULT_ALERTS.digestMs, "told within the hour");
      }
    }
    const last = world.raised.at(-1);
    equal(last !== undefined && last.recovery === null, failing, "people know how it ended");
    const hours = 1 + now / DEFAULT_ALERTS.digestMs;
    const most = 7 * (hours + 1);
    ok(
      world.raised.length <= most,
      "three times of failing, their recoveries and a digest an hour",
    );
  }));
});

/** An instance of the service that reads the log with a delay and raises what it thinks is due. */
Deno.test("two instances that raise alerts tell every failure once, however far one is behind", () => {
  const steps = fc.array(
    fc.record({ instance: fc.constantFrom(0, 1), reads: fc.nat({ max: 4 }) }),
    { minLength: 10, maxLength: 40 },
  );
  fc.assert(fc.property(runEnds(["klines"], 50 * MINUTE), steps, (ends, steps) => {
    const log: (CrawlerRunEvent | AlertEvent)[] = [];
    const instances = [{ read: 0, state: NO_ALERTS }, { read: 0, state: NO_ALERTS }];
    let now = 0;
    const act = (instance: { read: number; state: SourceAlerts }, reads: number) => {
      for (const event of log.slice(instance.read, instance.read + reads)) {
        instance.read++;
        instance.state = fold(instance.state, event);
      }
      for (const data of dueAlerts(instance.state, { source: "klines", at: now })) {
        const stream = log.filter((one) => isOf(one, data.alertId));
        try {
          log.push(...alert.decide({ type: "RaiseAlert", data }, stateAfter(alert, stream)));
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          // It is behind: it reads on before it raises anything else.
          break;
        }
      }
    };
    for (const [i, end] of ends.entries()) {
      now += end.afterMs;
      log.push(endEvent(end, { runId: `run-${i}`, at: now }));
      const { instance, reads } = steps[i % steps.length] ?? { instance: 0, reads: 1 };
      const one = instances[instance];
      if (one !== undefined) act(one, reads);
    }
    for (let round = 0; round < 4; round++) {
      now += DEFAULT_ALERTS.digestMs;
      for (const instance of instances) act(instance, Infinity);
    }
    const told = log.flatMap((event) =>
      event.type === "AlertRaised" ? event.data.failures.map(({ runId }) => runId) : []
    );
    const expected = log.filter(({ type }) => FAILED.includes(type))
      .map((event) => "runId" in event.data ? event.data.runId : "");
    deepEqual(told.toSorted(), expected.toSorted());
  }));
});

function isOf(event: CrawlerRunEvent | AlertEvent, alertId: string): event is AlertEvent {
  return "alertId" in event.data && event.data.alertId === alertId;
}

function fold(state: SourceAlerts, event: CrawlerRunEvent | AlertEvent): SourceAlerts {
  if (event.type === "AlertRaised") return noteAlert(state, event.data);
  return "alertId" in event.data ? state : noteRun(state, trusted<CrawlerRunEvent>(event));
}
