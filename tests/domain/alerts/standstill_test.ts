import { deepEqual, equal } from "node:assert/strict";
import { standstillAlert, standstillOver } from "@/domain/alerts/standstill.ts";
import { alertEvents } from "@/events/catalog/alert.ts";

const SINCE = Date.UTC(2024, 4, 1, 3);
const FACTS = { id: "7", since: SINCE, at: SINCE + 185_000, problem: "connection *lost*\n(5432)" };

Deno.test("a standstill is told as text, with its time in the zone and its reason in one line", () => {
  const alert = standstillAlert(FACTS, { language: "zh", timeZone: "Asia/Shanghai" });
  equal(alert.text?.title, "【故障】定时任务无法启动");
  equal(
    alert.text?.markdown,
    "- 到期的任务没有启动，恢复之后会补跑一次\n" +
      "- **开始时间** 2024-05-01 11:00:00 (Asia/Shanghai)\n" +
      "- **原因** connection ＊lost＊ (5432)",
  );
});

Deno.test("the end of a standstill is told with how long it was", () => {
  const alert = standstillOver(FACTS, { language: "en", timeZone: "UTC" });
  equal(
    alert.text?.markdown,
    "- What was missed is made up for once\n" +
      "- **Recovered at** 2024-05-01 03:03:05 (UTC)\n- **After** 3 min 5 s",
  );
});

Deno.test("both are alerts of their own that the log takes, and no failed run is in them", () => {
  const options = { language: "en", timeZone: "UTC" } as const;
  const alerts = [standstillAlert(FACTS, options), standstillOver(FACTS, options)];
  deepEqual(alerts.map((alert) => alertEvents.AlertRaised.parse(alert)), alerts);
  equal(new Set(alerts.map(({ alertId }) => alertId)).size, 2);
});
