import { deepEqual, equal } from "node:assert/strict";
import { openAlertChannel } from "@/adapters/alerts/channel.ts";
import { type AlertSender, createAlertSender } from "@/cron/alert_sender.ts";
import { createChannelTurns } from "@/cron/channel_turns.ts";
import { parseAlertUrl } from "@/domain/ports/alert_target.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import { migrate } from "@/events/store/migrate.ts";
import { createSqlStore } from "@/events/store/sql_store.ts";
import { databaseSteps } from "../support/database_steps.ts";
import { type FakeClock, fakeClock } from "../support/fake_clock.ts";
import { passTimeUntil } from "../support/pass_time.ts";
import { until } from "../support/projections.ts";
import { quietLog } from "../support/quiet_log.ts";
import { ALERT_AT, alertedFailure, raisedAlert } from "../support/raised_alerts.ts";
import { type Robot, type RobotFault, startRobot } from "../support/robot_server.ts";

/** Time goes on while a message is on its way, for the other instance waits: none is given up for that. */
const TIMEOUT_MS = 1e12;
const DINGTALK_A_MINUTE = 20;
/** How soon an instance looks again whether the other one speaks. */
const BUSY_MS = 5_000;
/** How long DingTalk is silent after too many. */
const BLOCKED_MS = 600_000;
const DOWN: RobotFault = { kind: "status", status: 503 };
const alertOf = (n: number) =>
  raisedAlert({ alertId: `alert-${n}`, failures: [alertedFailure({ runId: `run-${n}` })] });

interface Scene {
  readonly senders: readonly [AlertSender, AlertSender];
  readonly robot: Robot;
  readonly clock: FakeClock;
  readonly channel: string;
  types(): Promise<readonly string[]>;
  /** Messages that the instances know of together. */
  counted(): Promise<number>;
}

/** Both instances wait, until the robot is asked by either. */
async function emptied(scene: Scene): Promise<void> {
  await passTimeUntil(scene.clock, () => owed(scene) === 0, 60_000);
}

function owed({ senders }: Scene): number {
  return senders.flatMap((one) => Object.values(one.undelivered()).flat()).length;
}

databaseSteps<{ faults: RobotFault[]; run: (scene: Scene) => Promise<void> }>(
  "two instances that tell alerts",
  {
    "tell what both have in hand once, when the robot is back": {
      faults: [DOWN, DOWN],
      async run(scene) {
        const { senders: [a, b], robot, channel, types } = scene;
        await a.raise(alertOf(1));
        await robot.arrived(1);
        b.resume(alertOf(1), [channel]);
        await emptied(scene);
        equal(robot.shown.length, 1);
        equal(await scene.counted(), 3, "the robot may have counted what it did not show");
        await until(async () => (await types()).includes("AlertSent"));
        equal((await types()).filter((type) => type === "AlertSent").length, 1);
      },
    },
    "tell what both raise at the same moment once": {
      faults: [],
      async run(scene) {
        const { senders, robot, types } = scene;
        await Promise.all(senders.map((sender) => sender.raise(alertOf(1))));
        await emptied(scene);
        equal(robot.shown.length, 1);
        await until(async () => (await types()).length > 1);
        deepEqual(await types(), ["AlertRaised", "AlertSent"]);
      },
    },
    "keep within the robot's limit together": {
      faults: [],
      async run(scene) {
        const { senders: [a, b], robot } = scene;
        const count = DINGTALK_A_MINUTE + 2;
        const begun = performance.now();
        for (let n = 1; n <= count; n++) {
          // By the robot's clock it is at least as long ago as by the database's, whose time is real.
          if (n > DINGTALK_A_MINUTE) scene.clock.advance(performance.now() - begun + 1_000);
          await (n <= count / 2 ? a : b).raise(alertOf(n));
          // Next to no time passes for as many as the robot takes.
          const mostMs = n <= DINGTALK_A_MINUTE ? BUSY_MS + 1 : BLOCKED_MS + 1;
          await passTimeUntil(scene.clock, () => owed(scene) === 0, mostMs);
        }
        deepEqual(robot.outcomes, Array(count).fill("ok"));
      },
    },
    "send a part of what waits when the other has told the rest": {
      faults: [DOWN],
      async run(scene) {
        const { senders: [a, b], robot, channel } = scene;
        await a.raise(alertOf(1));
        await robot.arrived(1);
        await b.raise(alertOf(2));
        b.resume(alertOf(1), [channel]);
        await emptied(scene);
        const told = robot.shown.flatMap(({ text }) => text.match(/run-\d(?=\])/g) ?? []);
        deepEqual(told.toSorted(), ["run-1", "run-2"]);
      },
    },
  },
  async ({ database, again }, { faults, run }) => {
    await database.script("drop schema public cascade; create schema public;");
    await migrate(database);
    const clock = fakeClock(ALERT_AT);
    const robot = startRobot({ kind: "dingtalk", now: clock.now, faults });
    const target = parseAlertUrl(`dingtalk://Token_1234567?base=${robot.url}`);
    const open = async () => {
      const mine = await again();
      const store = await createSqlStore({ database: mine, catalog });
      const channel = openAlertChannel(target, { clock, timeoutMs: TIMEOUT_MS });
      const holder = crypto.randomUUID();
      const turns = createChannelTurns({ database: mine, clock, log: quietLog, holder });
      const parts = { store, channels: [channel], clock, log: quietLog, turns };
      const sender = createAlertSender({
        ...parts,
        text: { language: "zh", timeZone: "Asia/Shanghai", linkTo: (id) => `http://h/${id}` },
      });
      return { sender, channel, store };
    };
    const [one, two] = [await open(), await open()];
    try {
      await run({
        ...{ senders: [one.sender, two.sender], robot, clock, channel: one.channel.name },
        async types() {
          const events = await one.store.readAll({ after: 0, limit: 100 });
          return events.map(({ type }) => type);
        },
        counted: async () => (await database.query("select from alert_told")).length,
      });
    } finally {
      for (const { sender, channel, store } of [one, two]) {
        await sender.close();
        channel.close();
        await store.close();
      }
      await robot.close();
    }
  },
);
