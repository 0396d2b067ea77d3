import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { AlertChannel, AlertMessage } from "@/domain/ports/alert_channel.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { AlertKind } from "@/domain/ports/alert_target.ts";
import { type FakeClock, fakeClock } from "../support/fake_clock.ts";
import { passTime, turns } from "../support/pass_time.ts";
import { ALERT_AT, raisedAlert } from "../support/raised_alerts.ts";
import { type Robot, type RobotFault, startRobot } from "../support/robot_server.ts";

/** Opens the channel under test for a robot at this base URL. */
export interface ChannelSubject {
  readonly kind: AlertKind;
  readonly secret?: string;
  open(robot: { url: string; secret?: string | undefined }, options: {
    clock: FakeClock;
    timeoutMs: number;
  }): AlertChannel;
}

interface Scene {
  readonly channel: AlertChannel;
  readonly robot: Robot;
  readonly clock: FakeClock;
}

const TIMEOUT_MS = 3_600_000;
const message: AlertMessage = {
  title: "【失败】openvlab <抓取> & 失败",
  markdown: '- 来源 "openvlab"\n- HTTP 状态 503 \\ \u{1F4C8}',
  alerts: [raisedAlert()],
};
const sized = (bytes: number): AlertMessage => {
  const line = `- 第 1 行 "quoted" 错误信息 \u{1F4C8}\u{1F4C9}\n`;
  const lines = Math.ceil(bytes / new TextEncoder().encode(line).length);
  return { ...message, markdown: line.repeat(lines) };
};

/** What every implementation of the AlertChannel port does. */
export function alertChannelContract(name: string, subject: ChannelSubject): void {
  const test = (
    title: string,
    body: (scene: Scene) => Promise<void>,
    { faults = [], secret = subject.secret }: {
      faults?: readonly (RobotFault | undefined)[];
      secret?: string | undefined;
    } = {},
  ) =>
    Deno.test(`channel ${name} ${title}`, async () => {
      const clock = fakeClock(ALERT_AT);
      const robot = startRobot({ kind: subject.kind, secret, now: clock.now, faults });
      const { url } = robot;
      const channel = subject.open({ url, secret: subject.secret }, {
        clock,
        timeoutMs: TIMEOUT_MS,
      });
      try {
        await body({ channel, robot, clock });
      } finally {
        channel.close();
        await robot.close();
      }
    });

  test("shows title and text as they were given", async ({ channel, robot }) => {
    await channel.send(message);
    deepEqual(robot.shown.map(({ title }) => title), [message.title]);
    equal(plain(robot.shown[0]?.text), plain(message.markdown));
  });

  test("shows whole what it says it does", async ({ channel, robot }) => {
    const text = sized(channel.maxMarkdownBytes - 100);
    await channel.send(text);
    equal(plain(robot.shown[0]?.text), plain(text.markdown));
  });

  test("cuts what is longer at the end of a line", async ({ channel, robot }) => {
    await channel.send(sized(2_000_000));
    deepEqual(robot.outcomes, ["ok"]);
    const lines = robot.shown[0]?.text.split("\n") ?? [];
    equal(lines.at(-1), "…");
    deepEqual(new Set(lines.slice(0, -1).map(plain)).size, 1);
    ok(robot.shown[0]?.text.isWellFormed());
    ok(new TextEncoder().encode(lines.join("\n")).length > channel.maxMarkdownBytes * 0.9);
  });

  test("cuts one endless line within no character", async ({ channel, robot }) => {
    await channel.send({ ...message, markdown: "\u{1F4C8}".repeat(600_000) });
    deepEqual(robot.outcomes, ["ok"]);
    match(robot.shown[0]?.text ?? "", /^\u{1F4C8}+\n…$/u);
  });

  test("sends a title of any length", async ({ channel, robot }) => {
    await channel.send({ ...message, title: "\u{1F4C8}".repeat(100_000) });
    deepEqual(robot.outcomes, ["ok"]);
  });

  test("never sends more than the robot allows, and all of it", async (scene) => {
    const { channel, robot, clock } = scene;
    const all = Array.from({ length: 45 }, (_, i) => ({ ...message, title: `message ${i}` }));
    const sending = Promise.all(all.map((one) => channel.send(one)));
    await passTime(clock, sending, TIMEOUT_MS);
    deepEqual(new Set(robot.outcomes), new Set(["ok"]));
    deepEqual(robot.shown.map(({ title }) => title), all.map(({ title }) => title));
  });

  test("says that a message was refused, and that it is no use to repeat it", async (scene) => {
    const error = await failureOf(scene.channel.send(message));
    equal(error.retryable, false);
    match(error.message, /^Cannot tell \w+-[0-9a-f]{8}: it answered /);
    match(error.hint ?? "", /ALERT_URLS/);
    await passTime(scene.clock, scene.channel.send(message), TIMEOUT_MS);
    equal(scene.robot.shown.length, 1);
  }, { faults: [{ kind: "outcome", outcome: "malformed" }] });

  test("says that a busy robot may be asked again", async ({ channel, clock }) => {
    equal((await failureOf(channel.send(message))).retryable, true);
    await passTime(clock, channel.send(message), TIMEOUT_MS);
  }, { faults: [{ kind: "outcome", outcome: "busy" }] });

  test("leaves a robot alone that was asked too often", async ({ channel, robot, clock }) => {
    const error = await failureOf(channel.send(message));
    equal(error.retryable, true);
    const waitMs = error.retryAfterMs ?? 0;
    ok(waitMs >= 30_000, `${waitMs}`);
    const next = channel.send(message);
    await turns();
    clock.advance(waitMs - 1);
    await turns();
    equal(robot.requests.length, 1);
    await passTime(clock, next, TIMEOUT_MS);
    equal(robot.shown.length, 1);
  }, { faults: [{ kind: "outcome", outcome: "too_many" }] });

  test("waits as long as HTTP 429 asks, an hour at most", async ({ channel, clock }) => {
    equal((await failureOf(channel.send(message))).retryAfterMs, 90_000);
    const after = channel.send(message);
    await turns();
    clock.advance(90_000);
    equal((await failureOf(after)).retryAfterMs, 3_600_000);
  }, {
    faults: [
      { kind: "status", status: 429, headers: { "retry-after": "90" } },
      { kind: "status", status: 429, headers: { "retry-after": "86400" } },
    ],
  });

  for (const status of [500, 502, 503, 408]) {
    test(`may be asked again after HTTP ${status}`, async ({ channel }) => {
      const error = await failureOf(channel.send(message));
      equal(error.retryable, true);
      match(error.message, new RegExp(`HTTP ${status}`));
    }, { faults: [{ kind: "status", status }] });
  }

  for (const status of [301, 400, 401, 403, 404, 410]) {
    test(`is no use to ask again after HTTP ${status}`, async ({ channel, robot }) => {
      const error = await failureOf(channel.send(message));
      equal(error.retryable, false);
      equal(robot.requests.length, 1);
    }, { faults: [{ kind: "status", status, headers: { location: "/elsewhere" } }] });
  }

  test("takes a connection that breaks for a failure", async ({ channel }) => {
    equal((await failureOf(channel.send(message))).retryable, true);
  }, { faults: [{ kind: "reset" }] });

  test("gives up when there is no answer in time", async ({ channel, robot, clock }) => {
    const sending = failureOf(channel.send(message));
    await robot.arrived(1);
    clock.advance(TIMEOUT_MS);
    const error = await sending;
    equal(error.retryable, true);
    match(error.message, /did not answer within 3600 s/);
    equal(clock.sleepers().length, 0);
  }, { faults: [{ kind: "hang" }] });

  test("stops with the signal's reason when it is aborted", async ({ channel, robot }) => {
    const reason = new Error("enough");
    const stop = new AbortController();
    const sending = channel.send(message, { signal: stop.signal });
    const waiting = channel.send(message, { signal: stop.signal });
    await robot.arrived(1);
    stop.abort(reason);
    // Both at once: which of them ends first is nobody's business.
    await Promise.all([rejects(sending, reason), rejects(waiting, reason)]);
    await rejects(channel.send(message, { signal: AbortSignal.abort(reason) }), reason);
    equal(robot.requests.length, 1);
  }, { faults: [{ kind: "hang" }] });

  test("refuses what still waits when it is closed", async ({ channel }) => {
    const faulty = failureOf(channel.send(message)).catch(() => {});
    const waiting = channel.send(message);
    channel.close();
    await rejects(waiting, /is closed/);
    await faulty;
  }, { faults: [{ kind: "status", status: 500 }] });

  test("says what it cannot reach, without the token", async ({ channel, robot }) => {
    await robot.close();
    const error = await failureOf(channel.send(message));
    match(error.message, /cannot be reached/);
    withoutSecrets(error, subject);
  });

  test("shows no token and no secret, whatever the robot answers", async ({ channel }) => {
    withoutSecrets(await failureOf(channel.send(message)), subject);
  }, {
    faults: [
      { kind: "text", text: `{"errcode":1,"errmsg":"Token_1234567 ${subject.secret} is wrong"}` },
    ].map((fault) =>
      subject.kind === "slack" ? { kind: "status", status: 400 } as const : {
        kind: "text",
        text: fault.text,
      } as const
    ),
  });

  if (subject.kind !== "webhook") {
    test("takes a page for people for a failure", async ({ channel }) => {
      equal((await failureOf(channel.send(message))).retryable, true);
    }, { faults: [{ kind: "text", text: "<html>Please log in</html>" }] });
  }

  if (subject.secret === undefined) return;
  test("is refused when its secret is wrong", async ({ channel, robot }) => {
    equal((await failureOf(channel.send(message))).retryable, false);
    deepEqual(robot.outcomes, ["bad_signature"]);
  }, { secret: "another secret" });

  test("signs each message at its own time", async ({ channel, robot, clock }) => {
    await channel.send(message);
    clock.advance(7_200_000);
    await channel.send(message);
    deepEqual(robot.outcomes, ["ok", "ok"]);
  });
}

async function failureOf(sending: Promise<void>): Promise<AdapterError> {
  try {
    await sending;
  } catch (error) {
    ok(error instanceof AdapterError, String(error));
    equal(error.port, "alerts");
    return error;
  }
  throw new Error("it was sent");
}

function withoutSecrets(error: AdapterError, { secret = "Token_1234567" }: ChannelSubject): void {
  const shown = `${error.message} ${error.op} ${error.hint} ${error.stack} ${String(error.cause)}`;
  ok(!shown.includes("Token_1234567") && !shown.includes(secret), shown);
}

/** Without what dialects write in their own way. */
function plain(text = ""): string {
  return text.replaceAll(/^(- |• )/gm, "").trim();
}
