import { deepEqual, equal } from "node:assert/strict";
import { systemClock } from "@/adapters/clock.ts";
import { stopInOrder } from "@/cron/commands/stop_in_order.ts";
import type { Log } from "@/domain/ports/log.ts";

function given() {
  const failed: unknown[] = [];
  const quiet = () => {};
  const error: Log["error"] = (_message, fields) => failed.push(fields?.part);
  const log: Log = { debug: quiet, info: quiet, warn: quiet, error };
  return { failed, options: { log, clock: systemClock, stepMs: 50 } };
}

Deno.test("stopInOrder ends the parts one after the other", async () => {
  const { failed, options } = given();
  const ended: string[] = [];
  const part = (name: string) =>
    [name, async () => {
      await Promise.resolve();
      ended.push(name);
    }] as const;
  equal(await stopInOrder([part("server"), part("jobs"), part("database")], options), true);
  deepEqual(ended, ["server", "jobs", "database"]);
  deepEqual(failed, []);
});

Deno.test("stopInOrder goes on when a part fails or hangs, and says which", async () => {
  const { failed, options } = given();
  let closed = false;
  const clean = await stopInOrder([
    ["server", () => Promise.reject(new Error("port gone"))],
    ["thrower", () => {
      throw new Error("at once");
    }],
    ["jobs", () => new Promise(() => {})],
    ["database", () => {
      closed = true;
    }],
  ], options);
  equal(clean, false);
  equal(closed, true);
  deepEqual(failed, ["server", "thrower", "jobs"]);
});
