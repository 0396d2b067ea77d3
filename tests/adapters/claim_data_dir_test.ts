import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { claimDataDir, findDataDir, refuseHeld } from "@/adapters/claim_data_dir.ts";

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

Deno.test("findDataDir makes nothing where there is no installation", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await Deno.writeTextFile(`${folder}/file`, "");
  for (const given of [`${folder}/gone/deeper`, `${folder}/file`, folder]) {
    await rejects(findDataDir(given), {
      name: "Refusal",
      code: "not_found",
      message: `Cannot open ${given}: there is no installation in that folder; look at DATA_DIR`,
    });
  }
  deepEqual(await Array.fromAsync(Deno.readDir(folder), ({ name }) => name), ["file"]);
  await Deno.remove(folder, { recursive: true });
});

for (const mark of ["blobs", "db/PG_VERSION"]) {
  Deno.test(`findDataDir takes a folder that holds ${mark} for an installation, also without its lock file`, async () => {
    const folder = await Deno.realPath(await Deno.makeTempDir());
    await Deno.mkdir(`${folder}/${mark}`, { recursive: true });
    const found = await findDataDir(folder);
    deepEqual([found.path, found.lock.held], [folder, true]);
    if (found.lock.held) await found.lock.release();
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("findDataDir finds an installation that starts, and none where a start has failed", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const starting = await claimDataDir(folder);
  const found = await findDataDir(folder);
  equal(found.lock.held, false);
  if (starting.lock.held) await starting.lock.release();
  await rejects(findDataDir(folder), /there is no installation in that folder/);
  const free = await claimDataDir(folder);
  equal(free.lock.held, true);
  if (free.lock.held) await free.lock.release();
  await Deno.remove(folder, { recursive: true });
});
