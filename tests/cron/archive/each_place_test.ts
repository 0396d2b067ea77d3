import { deepEqual, equal, rejects } from "node:assert/strict";
import type { ArchivePlace } from "@/cron/archive/archive_deps.ts";
import { eachPlace } from "@/cron/archive/each_place.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { settle } from "@/tests/support/fake_clock.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

const SERIES = { exchange: "binance", symbol: "BTC/USDT", interval: "1m" } as const;
const places = ["1", "2", "3", "4", "5"].map((period): ArchivePlace => ({
  ...{ series: SERIES, seriesId: "binance.BTC-USDT.1m", period },
}));

/** Files and drops that begin and end when the test says so. */
function openScene() {
  const signal = new AbortController();
  const begun: string[] = [];
  const noted: string[] = [];
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gate = (name: string) => {
    const found = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, found);
    return found;
  };
  const step = (name: "file" | "drop") => ({
    name,
    async work({ period }: ArchivePlace) {
      begun.push(`${name} ${period}`);
      await gate(`${name} ${period}`).promise;
    },
  });
  const running = eachPlace(
    { clock: { now: () => 0, sleep: () => Promise.resolve() }, random: () => 0.5, log: quietLog },
    {
      run: { signal: signal.signal },
      meter: {
        note: ({ step, period, message }) => void noted.push(`${step} ${period}: ${message}`),
      },
    },
    places,
    step("file"),
    step("drop"),
  );
  running.catch(() => {});
  return {
    ...{ running, noted, signal },
    /** What has begun since it was asked last. */
    async begun() {
      await settle(50);
      return begun.splice(0).toSorted();
    },
    ends: (...names: string[]) => names.forEach((name) => gate(name).resolve()),
    fails: (name: string, error: Error) => gate(name).reject(error),
  };
}

Deno.test("each place: two are filed at a time, and one is dropped beside them", async () => {
  const { running, begun, ends, noted } = openScene();
  deepEqual(await begun(), ["file 1", "file 2"]);
  ends("file 1", "file 2");
  deepEqual(await begun(), ["drop 1", "file 3", "file 4"]);
  ends("file 3", "file 4");
  deepEqual(await begun(), ["file 5"], "one drop after the other");
  ends("drop 1", "drop 2");
  deepEqual(await begun(), ["drop 2", "drop 3"]);
  ends("file 5", "drop 3", "drop 4", "drop 5");
  await running;
  deepEqual([await begun(), noted], [["drop 4", "drop 5"], []]);
});

Deno.test("each place: what fails is noted by its step, and keeps back no other", async () => {
  const { running, begun, ends, fails, noted } = openScene();
  fails("file 1", new Error("cannot be read"));
  fails("drop 2", new Error("has rotted"));
  ends("file 2", "file 3", "file 4", "file 5", "drop 3", "drop 4", "drop 5");
  await running;
  const all = await begun();
  equal(all.includes("drop 1"), false, "what has no file keeps its rows");
  deepEqual(all.filter((one) => one.startsWith("drop")).length, 4);
  deepEqual(noted, ["file 1: cannot be read", "drop 2: has rotted"]);
});

Deno.test("each place: a full disk ends both steps, after what is under way", async () => {
  const { running, begun, ends, fails, noted } = openScene();
  const full = new AdapterError("No space left on device", {
    ...{ port: "blobs", op: "put", retryable: false },
  });
  ends("file 1", "file 2");
  deepEqual(await begun(), ["drop 1", "file 1", "file 2", "file 3", "file 4"]);
  fails("drop 1", full);
  deepEqual(await begun(), []);
  ends("file 3", "file 4");
  await rejects(running, full);
  deepEqual(await begun(), [], "neither another file nor another drop");
  deepEqual(noted, ["drop 1: No space left on device"]);
});

Deno.test("each place: a stop ends with what is under way, and notes nothing", async () => {
  const { running, begun, ends, signal, noted } = openScene();
  ends("file 1", "file 2", "file 3");
  deepEqual((await begun()).at(0), "drop 1");
  signal.abort(new Error("told to stop"));
  ends("drop 1", "file 4", "file 5");
  await rejects(running, /told to stop/);
  deepEqual([await begun(), noted], [[], []]);
});
