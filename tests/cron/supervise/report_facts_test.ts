import { equal, match } from "node:assert/strict";
import type { AlertEvent } from "@/events/catalog/alert.ts";
import { raisedAlert } from "../../support/raised_alerts.ts";
import { until } from "../../support/projections.ts";
import { NOW, sceneTest, scripted } from "./scene.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const doer = () => ({ actor: "admin", commandId: crypto.randomUUID() });

/** An alert of two days before, and what became of it at the only channel. */
function alert(alertId: string, givenUpAt?: number): { stream: string; events: AlertEvent[] } {
  const raised = raisedAlert({ alertId, raisedAt: NOW - 2 * DAY });
  const outcome = { channel: "noted", reason: "refused", attempts: 8 } as const;
  const events: AlertEvent[] = [{ type: "AlertRaised", data: raised }];
  if (givenUpAt !== undefined) {
    events.push({ type: "AlertGivenUp", data: { alertId, givenUpAt, ...outcome } });
  }
  return { stream: `alert-${alertId}`, events };
}

sceneTest("the report of a day", {
  async "says what fails still, which alerts wait, and which were given up that day"(scene) {
    const { start, clock } = scene;
    const failing = scripted([new Error("no luck")]);
    const back = scripted([new Error("no luck"), {}], { name: "back" });
    const instance = await start(failing.source, back.source);
    for (const name of ["daily", "back", "back"]) {
      await instance.supervisor.run(name, doer());
      await instance.idle();
    }
    // Two failures and a recovery, none of which is to count as waiting.
    const sent = () => instance.store.readAll({ after: 0, limit: 1_000, types: ["AlertSent"] });
    await until(async () => (await sent()).length === 3);
    const alerts = [alert("waiting"), alert("today", NOW + HOUR), alert("tomorrow", NOW + DAY)];
    await instance.store.append(alerts.map((one) => ({ ...one, expected: "none" as const })), {
      ...{ actor: "job:alerts", commandId: crypto.randomUUID() },
    });
    clock.advance(DAY + HOUR);
    await instance.idle();
    for (const date of ["2024-05-01", "2024-05-02"]) {
      const { markdown = "" } = await instance.dailyReport(date) ?? {};
      match(markdown, /\*\*Still failing\*\* 1\n- ⚠️ daily · for 1 d 1 h.*InternalError: no luck/);
      match(markdown, /\*\*Alerts not delivered\*\* ⚠️ 1$/m, date);
      match(markdown, /\*\*Alerts given up\*\* ⚠️ 1$/m, date);
    }
    equal(await instance.dailyReport("2024-05-03"), undefined);
  },
});
