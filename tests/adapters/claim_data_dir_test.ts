import { equal, match } from "node:assert/strict";
import { claimDataDir, refuseHeld } from "@/adapters/claim_data_dir.ts";

Deno.test("claimDataDir makes a private directory and locks it; the next one learns who has it", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await Deno.symlink(folder, `${folder}/link`);
  const first = await claimDataDir(`${folder}/link/data`);
  equal(first.path, `${folder}/data`);
  equal((await Deno.stat(first.path)).mode?.toString(8).slice(-3), "700");
  equal(first.lock.held, true);

  const second = await claimDataDir(first.path);
  equal(second.lock.held, false);
  if (first.lock.held && !second.lock.held) {
    const starting = refuseHeld(second.path, second.lock).message;
    match(starting, new RegExp(`process ${Deno.pid} works on it; wait until it has ended$`));
    await first.lock.update({ address: "http://127.0.0.1:8000" });
    const third = await claimDataDir(first.path);
    const serving = third.lock.held ? "" : refuseHeld(third.path, third.lock).message;
    match(serving, /works on it and serves on http:\/\/127\.0\.0\.1:8000$/);
    await first.lock.release();
  }
  const free = await claimDataDir(first.path);
  equal(free.lock.held, true);
  if (free.lock.held) await free.lock.release();
  await Deno.remove(folder, { recursive: true });
});
