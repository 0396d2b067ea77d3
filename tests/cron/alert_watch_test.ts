import { deepEqual, equal, ok } from "node:assert/strict";
import { systemClock } from "@/adapters/clock.ts";
import { type AlertSender, createAlertSender } from "@/cron/alert_sender.ts";
import { type AlertWatch, createAlertWatch } from "@/cron/alert_watch.ts";
import { EVERY_TURN } from "@/cron/channel_turns.ts";
import { dueAlerts, NO_ALERTS, noteRun } from "@/domain/alerts/rules.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import type { CrawlerRunEvent } from "@/events/catalog/crawler.ts";
import type { RaisedAlert } from "@/events/catalog/alert.ts";
import { type Database, DatabaseError } from "@/events/store/database.ts";
import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
import { alertDeliveries } from "@/projections/alert_deliveries.ts";
import { createCrawlerQueries } from "@/projections/crawler_board.ts";
import { crawlerRuns } from "@/projections/crawler_runs.ts";
import { crawlerSources } from "@/projections/crawler_sources.ts";
import { crawlerVenues } from "@/projections/crawler_venues.ts";
import { openDb } from "@/projections/db.ts";
import { createFollower } from "@/projections/follower.ts";
import { failed, succeeded } from "../support/crawler_runs.ts";
import { databaseSteps } from "../support/database_steps.ts";
import { type FakeClock, fakeClock } from "../support/fake_clock.ts";
import { around, until } from "../support/projections.ts";
import { quietLog } from "../support/quiet_log.ts";
import { ALERT_AT, alertedFailure, raisedAlert } from "../support/raised_alerts.ts";
import { notedChannel } from "../support/supervised.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

interface Scene {
  readonly clock: FakeClock;
  /** Kinds of what the channel was told, in order. */
  kinds(): readonly string[];
  /** It was told these, and nothing else is on its way. */
  told(kinds: readonly string[]): Promise<void>;
  start(): {
    readonly watch: AlertWatch;
    readonly sender: AlertSender;
  };
  /** Into the log, and the read models. */
  record(event: CrawlerRunEvent): Promise<void>;
  /** What a process that is gone has raised. */
  raised(alert: RaisedAlert): Promise<void>;
  cut(isCut: boolean): void;
  types(): Promise<readonly string[]>;
}

const fails = (n: string) => failed({ runId: `run-${n}`, at: ALERT_AT });
const works = (n: string) => succeeded({ runId: `run-${n}`, at: ALERT_AT });

databaseSteps<(scene: Scene) => Promise<void>>("alert watch", {
  async "tells a failure once, what is repeated after an hour, the recovery, and what fails after it"(
    scene,
  ) {
    const { watch } = scene.start();
    for (const event of [fails("1"), fails("2"), fails("3")]) {
      await scene.record(event);
      watch.ended(event);
      await watch.settled();
    }
    await watch.tick();
    await scene.told(["failure"]);
    scene.clock.advance(60 * MINUTE);
    await watch.tick();
    await scene.told(["failure", "digest"]);
    await watch.tick();
    await scene.record(works("4"));
    watch.ended(works("4"));
    await watch.settled();
    await scene.told(["failure", "digest", "recovery"]);
    await scene.record(fails("5"));
    watch.ended(fails("5"));
    await watch.settled();
    await scene.told(["failure", "digest", "recovery", "failure"]);
  },

  async "tells by what was known while the database is away, and nothing twice after"(scene) {
    const { watch } = scene.start();
    scene.cut(true);
    for (const event of [fails("1"), fails("2")]) {
      watch.ended(event);
      await watch.settled();
    }
    await scene.told(["failure"]);
    await watch.tick();
    watch.ended(works("3"));
    await watch.settled();
    await scene.told(["failure", "recovery"]);
    scene.cut(false);
    await until(async () => {
      scene.clock.advance(5_000);
      return (await scene.types()).filter((one) => one === "AlertSent").length === 2;
    });
    for (const event of [fails("1"), fails("2"), works("3")]) await scene.record(event);
    await watch.tick();
    await scene.told(["failure", "recovery"]);
  },

  async "tells of a run that the log does not hold yet"(scene) {
    const { watch } = scene.start();
    watch.ended(fails("1"));
    await watch.settled();
    await scene.record(fails("1"));
    watch.ended(fails("1"));
    await watch.settled();
    await scene.told(["failure"]);
  },

  async "tells what a process that died had left untold"(scene) {
    await scene.record(fails("1"));
    await scene.start().watch.tick();
    await scene.told(["failure"]);
  },

  async "hands on at its start what a process raised that died"(scene) {
    await scene.raised(raisedAlert());
    await scene.start().watch.tick();
    await scene.told(["failure"]);
  },

  async "leaves to others for twenty minutes what they raise after its start"(scene) {
    const { watch, sender } = scene.start();
    await watch.tick();
    await scene.raised(raisedAlert());
    scene.clock.advance(20 * MINUTE);
    await watch.tick();
    deepEqual([scene.kinds(), sender.undelivered()], [[], { noted: [] }]);
    scene.clock.advance(1);
    await watch.tick();
    await scene.told(["failure"]);
  },

  async "tells a channel nothing that was raised before it came"(scene) {
    await scene.raised(raisedAlert({ channels: ["another"] }));
    const { watch, sender } = scene.start();
    await watch.tick();
    deepEqual([scene.kinds(), sender.undelivered()], [[], { noted: [] }]);
    const fresh = failed({ runId: "run-2", source: "sina", at: ALERT_AT });
    await scene.record(fresh);
    watch.ended(fresh);
    await watch.settled();
    await scene.told(["failure"]);
  },

  async "tells what is days old, gives up what is older than a week, and says so"(scene) {
    await scene.raised(raisedAlert({ alertId: "old", raisedAt: ALERT_AT - 30 * DAY }));
    await scene.raised(raisedAlert({
      ...{ alertId: "late", raisedAt: ALERT_AT - 6 * DAY, channels: ["noted"] },
    }));
    await scene.start().watch.tick();
    await scene.told(["failure"]);
    await until(async () => (await scene.types()).length === 4);
    deepEqual((await scene.types()).slice(2).toSorted(), ["AlertGivenUp", "AlertSent"]);
  },

  async "leaves alone what another instance has told in other words"(scene) {
    const [mine] = dueAlerts(noteRun(NO_ALERTS, fails("1")), { source: "openvlab", at: ALERT_AT });
    ok(mine);
    const failures = [...mine.failures, alertedFailure({ runId: "run-2" })];
    // Of another source, so that the read model of this one is behind.
    await scene.raised({ ...mine, failures, source: "elsewhere", channels: ["another"] });
    await scene.record(fails("1"));
    const { watch, sender } = scene.start();
    await watch.tick();
    deepEqual([scene.kinds(), sender.undelivered()], [[], { noted: [] }]);
    deepEqual(await scene.types(), ["AlertRaised"]);
  },
}, inScene);

async function inScene(
  { database: real }: { database: Database },
  run: (scene: Scene) => Promise<void>,
): Promise<void> {
  await real.script("drop schema public cascade; create schema public;");
  await migrate(real);
  let isCut = false;
  const lost = () => new DatabaseError("connection lost", { sqlstate: "08006" });
  const database = around(real, (_, run) => isCut ? Promise.reject(lost()) : run());
  const store = await createSqlStore({ database, catalog });
  const projections = [crawlerRuns, crawlerSources, crawlerVenues, alertDeliveries];
  const following = { database, store, projections, log: quietLog, clock: systemClock };
  const follower = createFollower({ ...following, pollMs: 50 });
  await follower.start();
  const clock = fakeClock(ALERT_AT);
  const channel = notedChannel("noted");
  const senders: AlertSender[] = [];
  const kinds = () => channel.told.flatMap(({ alerts }) => alerts.map(({ kind }) => kind));
  const seen = async () => equal(await follower.waitFor(await store.head(), 20_000), true);
  const append = async (stream: string, event: { type: string; data: Record<string, unknown> }) => {
    const meta = { actor: "job:test", commandId: crypto.randomUUID() };
    await store.append([{ stream, expected: "any", events: [event] }], meta);
    await seen();
  };
  try {
    await run({
      clock,
      kinds,
      async told(expected) {
        const left = () => senders.flatMap((one) => Object.values(one.undelivered()).flat());
        await until(() => kinds().length >= expected.length && left().length === 0);
        deepEqual(kinds(), expected);
      },
      start() {
        const text = { language: "en", timeZone: "UTC", linkTo: (id: string) => id } as const;
        const parts = { store, clock, log: quietLog };
        const sender = createAlertSender({
          ...{ ...parts, text, channels: [channel], turns: EVERY_TURN },
        });
        senders.push(sender);
        const queries = createCrawlerQueries(openDb(database));
        const watch = createAlertWatch({
          ...{ ...parts, sender, queries, projections: follower, channels: ["noted"] },
        });
        return { watch, sender };
      },
      record: (event) => append(`crawler_run-${event.data.runId}`, event),
      raised: (data) => append(`alert-${data.alertId}`, { type: "AlertRaised", data }),
      cut: (value) => void (isCut = value),
      async types() {
        const events = await store.readAll({ after: 0, limit: 100 });
        return events.map(({ type }) => type).filter((type) => type.startsWith("Alert"));
      },
    });
  } finally {
    isCut = false;
    for (const sender of senders) await sender.close();
    await follower.stop();
    await store.close();
  }
}
