import { equal, rejects } from "node:assert/strict";
import { isStillWritten, removeFolder } from "@/adapters/remove_folder.ts";

Deno.test("removeFolder: takes away what is still written into while it goes", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/cache`);
  const until = performance.now() + 150;
  async function write(n = 0): Promise<void> {
    if (performance.now() > until) return;
    const path = `${folder}/cache/${n}`;
    await Deno.writeTextFile(path, "x").catch(() => Deno.writeTextFile(`${folder}/${n}`, "x"))
      .catch(() => {});
    return await write(n + 1);
  }
  await Promise.all([write(), write(1e6), removeFolder(folder)]);
  await rejects(Deno.stat(folder), Deno.errors.NotFound);
  await removeFolder(folder);
});

Deno.test("removeFolder: knows a folder that is still written from other trouble", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/x`, "x");
  const full = await Deno.remove(folder).catch((error: unknown) => error);
  equal(isStillWritten(full), true);
  const gone = await Deno.remove(`${folder}/y`).catch((error: unknown) => error);
  equal(isStillWritten(gone), false);
  await removeFolder(folder);
});
