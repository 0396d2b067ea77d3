import { equal } from "node:assert/strict";
import { startStallMeter } from "@/adapters/process/stall_meter.ts";

Deno.test("the stall meter sees work that holds the event loop up", async () => {
  const meter = startStallMeter();
  const turn = () => new Promise((resolve) => setTimeout(resolve, 8));
  await turn();
  const until = performance.now() + 120;
  while (performance.now() < until);
  await turn();
  await turn();
  const stallMs = meter.p99Ms();
  meter.stop();
  equal(stallMs >= 90 && stallMs < 5_000, true, `${stallMs} ms`);
});
