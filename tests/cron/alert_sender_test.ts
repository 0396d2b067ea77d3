import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { openAlertChannel } from "@/adapters/alerts/channel.ts";
import { type AlertSender, createAlertSender } from "@/cron/alert_sender.ts";
import { EVERY_TURN } from "@/cron/channel_turns.ts";
import type { TextOptions } from "@/domain/alerts/alert_text.ts";
import { parseAlertUrl } from "@/domain/ports/alert_target.ts";
import { catalog } from "@/events/catalog/catalog.ts";
import type { AlertEvent } from "@/events/catalog/alert.ts";
import { DatabaseError } from "@/events/store/database.ts";
import { MemoryEventStore } from "@/events/store/memory.ts";
import type { EventStore } from "@/events/store/store.ts";
import { type FakeClock, fakeClock } from "../support/fake_clock.ts";
import { passTimeUntil, turns } from "../support/pass_time.ts";
import { quietLog } from "../support/quiet_log.ts";
import { ALERT_AT, alertedFailure, raisedAlert } from "../support/raised_alerts.ts";
import { type Robot, type RobotFault, startRobot } from "../support/robot_server.ts";

/** Time goes on while an answer is on its way, for others wait: none is given up for that. */
const TIMEOUT_MS = 1e12;
/** Longer than anybody waits. */
const LONGEST_MS = 3_600_000;
const text: TextOptions = {
  ...{ language: "zh", timeZone: "Asia/Shanghai" },
  linkTo: (runId) => `http://h/${runId}`,
};
const REFUSED: RobotFault = { kind: "outcome", outcome: "malformed" };
const alertOf = (n: number) =>
  raisedAlert({ alertId: `alert-${n}`, failures: [alertedFailure({ runId: `run-${n}` })] });

interface Scene {
  readonly sender: AlertSender;
  readonly robots: readonly Robot[];
  readonly clock: FakeClock;
  /** Event types by alert, as the log has them. */
  log(): Promise<string[]>;
  cut(isCut: boolean): void;
  until(holds: () => boolean): Promise<void>;
}

type Faults = readonly (RobotFault | undefined)[];

function scene(title: string, body: (scene: Scene) => Promise<void>, faults: Faults[] = [[]]) {
  Deno.test(`alert sender ${title}`, async () => {
    const clock = fakeClock(ALERT_AT);
    const robots = faults.map((faults) => startRobot({ kind: "dingtalk", now: clock.now, faults }));
    const channels = robots.map(({ url }) =>
      openAlertChannel(parseAlertUrl(`dingtalk://Token_1234567?base=${url}`), {
        clock,
        timeoutMs: TIMEOUT_MS,
      })
    );
    const memory = new MemoryEventStore({ catalog });
    let isCut = false;
    const store = withCut(memory, () => isCut);
    const sender = createAlertSender({
      ...{ store, channels, clock, log: quietLog, text, turns: EVERY_TURN },
    });
    try {
      await body({
        ...{ sender, robots, clock },
        async log() {
          const events = await memory.readAll({ after: 0, limit: 1_000 });
          return events.map(({ type, stream }) => `${stream} ${type}`);
        },
        cut: (value) => isCut = value,
        until: (holds) => passTimeUntil(clock, holds, LONGEST_MS),
      });
    } finally {
      await sender.close();
      for (const channel of channels) channel.close();
      for (const robot of robots) await robot.close();
    }
  });
}

/** The store of a database whose connection comes and goes. */
function withCut(store: EventStore, isCut: () => boolean): EventStore {
  return new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...given: unknown[]) =>
        isCut()
          ? Promise.reject(new DatabaseError("connection lost", { sqlstate: "08006" }))
          : Reflect.apply(method, target, given);
    },
  });
}

/** The log holds so many events of a type. */
async function recorded({ log, until }: Scene, type: AlertEvent["type"], count: number) {
  let seen = 0;
  const look = async () => {
    seen = (await log()).filter((line) => line.endsWith(type)).length;
  };
  await until(() => (void look(), seen >= count));
  equal(seen, count);
}

scene("records an alert, tells it and records that", async (scene) => {
  await scene.sender.raise(alertOf(1));
  await recorded(scene, "AlertSent", 1);
  deepEqual(await scene.log(), ["alert-alert-1 AlertRaised", "alert-alert-1 AlertSent"]);
  equal(scene.robots[0]?.shown[0]?.title, "【失败】openvlab 抓取失败");
  deepEqual(Object.values(scene.sender.undelivered()), [[]]);
});

scene("puts what piles up while a message is on its way into one", async (scene) => {
  const raising = [1, 2, 3, 4, 5].map((n) => scene.sender.raise(alertOf(n)));
  await Promise.all(raising);
  await recorded(scene, "AlertSent", 5);
  const titles = scene.robots[0]?.shown.map(({ title }) => title) ?? [];
  ok(titles.length <= 2, titles.join());
  match(titles.at(-1) ?? "", /^\d 条告警$/);
});

scene("tells in further messages what one does not hold, and loses none of it", async (scene) => {
  const { sender, robots } = scene;
  const ids = Array.from({ length: 30 }, (_, n) => `run-${100 + n}`);
  const errorMessage = "失败".repeat(200);
  for (const runId of ids) {
    const failures = [alertedFailure({ runId, errorMessage })];
    await sender.raise(raisedAlert({ alertId: `alert-${runId}`, failures }));
  }
  await scene.until(() => Object.values(sender.undelivered()).flat().length === 0);
  const told = robots[0]?.shown.flatMap(({ text }) => text.match(/run-\d+(?=\])/g) ?? []) ?? [];
  deepEqual(told.toSorted(), ids);
  ok(robots[0]?.shown.some(({ title }) => /^\d+ 条告警$/.test(title)), "several in one");
}, [[{ kind: "status", status: 500 }]]);

scene("tells what is new at once while it waits to try again what was refused", async (scene) => {
  const { sender, robots: [robot], clock } = scene;
  await sender.raise(alertOf(1));
  while (!clock.sleepers().includes(10_000)) await turns(1);
  await sender.raise(alertOf(2));
  // No time passes.
  await robot?.arrived(2);
  match(JSON.stringify(robot?.requests[1]?.json), /run-2/);
}, [[REFUSED]]);

scene("tells each channel for itself, whatever the others do", async (scene) => {
  await scene.sender.raise(alertOf(1));
  await recorded(scene, "AlertSent", 2);
  deepEqual(scene.robots.map(({ shown }) => shown.length), [1, 1]);
  equal((await scene.log()).filter((line) => line.endsWith("AlertFailed")).length, 1);
}, [[], [{ kind: "status", status: 500 }]]);

scene("shows and records what it could not deliver, and tries until it can", async (scene) => {
  await scene.sender.raise(alertOf(1));
  await scene.until(() => (scene.robots[0]?.requests.length ?? 0) >= 1);
  const [waiting] = Object.values(scene.sender.undelivered());
  equal(waiting?.[0]?.alert.alertId, "alert-1");
  await recorded(scene, "AlertSent", 1);
  equal(scene.robots[0]?.requests.length, 4);
  equal(scene.robots[0]?.shown.length, 1);
  // Twice the same reason, once another one.
  equal((await scene.log()).filter((line) => line.endsWith("AlertFailed")).length, 2);
  ok(scene.clock.now() - ALERT_AT >= 40_000, "10 s and 20 s, and 10 s for what was refused");
}, [[
  { kind: "status", status: 500 },
  { kind: "status", status: 500 },
  { kind: "outcome", outcome: "malformed" },
]]);

scene(
  "does not wait a day for a clock that was a day ahead when a channel failed",
  async (scene) => {
    const { clock, sender } = scene;
    const day = 86_400_000;
    clock.advance(day);
    await sender.raise(alertOf(1));
    while (!clock.sleepers().includes(10_000)) await turns(1);
    // It is corrected while the channel is left alone.
    clock.advance(10_000);
    clock.advance(-day);
    await recorded(scene, "AlertSent", 1);
    ok(clock.now() - ALERT_AT <= 60_000);
  },
  [[{ kind: "status", status: 500 }]],
);

scene("tells once what is raised again before its record of an outage is made", async (scene) => {
  const { sender, robots: [robot], clock, cut } = scene;
  cut(true);
  await sender.raise(alertOf(1));
  await scene.until(() => robot?.shown.length === 1);
  cut(false);
  await sender.raise({ ...alertOf(1), raisedAt: clock.now() + 1 });
  await rejects(
    sender.raise({ ...alertOf(1), failures: [alertedFailure({ runId: "another" })] }),
    { name: "Refusal", code: "conflict" },
  );
  deepEqual(await scene.log(), [], "its record is still waiting");
  await recorded(scene, "AlertSent", 1);
  deepEqual(await scene.log(), ["alert-alert-1 AlertRaised", "alert-alert-1 AlertSent"]);
  equal(robot?.shown.length, 1);
});

scene("tells with the database down, and records it when that is back", async (scene) => {
  scene.cut(true);
  await scene.sender.raise(alertOf(1));
  await scene.until(() => scene.robots[0]?.shown.length === 1);
  deepEqual(await scene.log(), []);
  scene.cut(false);
  await recorded(scene, "AlertSent", 1);
  deepEqual(await scene.log(), ["alert-alert-1 AlertRaised", "alert-alert-1 AlertSent"]);
});

scene("refuses to tell runs that another instance has told otherwise", async (scene) => {
  await scene.sender.raise(alertOf(1));
  await recorded(scene, "AlertSent", 1);
  const other = { ...alertOf(1), failures: [alertedFailure(), alertedFailure({ runId: "x" })] };
  await rejects(scene.sender.raise(other), { code: "conflict" });
  equal(scene.robots[0]?.requests.length, 1);
});

scene("hands on what a process before it had raised, where it is missing", async (scene) => {
  const names = Object.keys(scene.sender.undelivered());
  await scene.sender.raise(alertOf(1));
  await recorded(scene, "AlertSent", 2);
  scene.sender.resume(alertOf(2), names.slice(1));
  await scene.until(() => scene.robots[1]?.shown.length === 2);
  equal(scene.robots[0]?.shown.length, 1);
}, [[], []]);

scene("stops at once when it is closed, and keeps what it had to tell", async (scene) => {
  await scene.sender.raise(alertOf(1));
  await scene.robots[0]?.arrived(1);
  await scene.sender.close();
  equal(Object.values(scene.sender.undelivered())[0]?.length, 1);
  deepEqual(await scene.log(), ["alert-alert-1 AlertRaised"]);
}, [[{ kind: "hang" }]]);

scene(
  "lets nobody wait for an alert that is refused, and gives that one up in the end",
  async (scene) => {
    await scene.sender.raise(alertOf(1));
    await scene.robots[0]?.arrived(1);
    await scene.sender.raise(alertOf(2));
    await scene.robots[0]?.arrived(2);
    equal(scene.clock.now(), ALERT_AT, "at once, though the first one waits");
    await recorded(scene, "AlertSent", 1);
    equal(scene.robots[0]?.shown.length, 1);
    await recorded(scene, "AlertGivenUp", 1);
    deepEqual(Object.values(scene.sender.undelivered()), [[]]);
    equal(scene.robots[0]?.requests.length, 10);
    equal((await scene.log()).at(-1), "alert-alert-1 AlertGivenUp");
  },
  [[REFUSED, undefined, ...Array.from({ length: 8 }, () => REFUSED)]],
);

scene(
  "keeps what is refused by a robot that takes nothing, and tells it once it does",
  async (scene) => {
    for (const n of [1, 2, 3]) await scene.sender.raise(alertOf(n));
    await recorded(scene, "AlertSent", 3);
    ok((scene.robots[0]?.requests.length ?? 0) >= 20);
    equal((await scene.log()).filter((line) => line.endsWith("AlertGivenUp")).length, 0);
  },
  [Array.from({ length: 20 }, () => REFUSED)],
);

scene("gives up what is a week old, and says so in the log", async (scene) => {
  await scene.sender.raise({ ...alertOf(1), raisedAt: ALERT_AT - 7 * 86_400_000 });
  await scene.sender.raise({ ...alertOf(2), raisedAt: ALERT_AT - 6 * 86_400_000 });
  await recorded(scene, "AlertSent", 1);
  deepEqual((await scene.log()).toSorted(), [
    ...["alert-alert-1 AlertGivenUp", "alert-alert-1 AlertRaised"],
    ...["alert-alert-2 AlertRaised", "alert-alert-2 AlertSent"],
  ]);
  equal(scene.robots[0]?.requests.length, 1);
});

scene("records all that it told before it was closed", async (scene) => {
  await Promise.all([1, 2, 3, 4, 5].map((n) => scene.sender.raise(alertOf(n))));
  await scene.until(() => Object.values(scene.sender.undelivered())[0]?.length === 0);
  await scene.sender.close();
  await recorded(scene, "AlertSent", 5);
});

scene("puts into one what the robot's limit keeps waiting: 20 messages a minute", async (scene) => {
  const [robot] = scene.robots;
  for (let n = 1; n <= 40; n++) {
    await scene.sender.raise(alertOf(n));
    // As many as the robot takes go out one by one, and no time passes.
    const isTaken = () => Object.values(scene.sender.undelivered()).flat().length === 0;
    do await turns(); while (n <= 20 && !isTaken());
  }
  await recorded(scene, "AlertSent", 40);
  deepEqual(new Set(robot?.outcomes), new Set(["ok"]));
  ok((robot?.requests.length ?? 0) >= 20 && (robot?.requests.length ?? 0) <= 23);
  match(robot?.shown.at(-1)?.title ?? "", /^\d\d? 条告警$/);
});
