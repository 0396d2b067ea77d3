import { equal } from "node:assert/strict";
import { resolvePath } from "@/adapters/process/resolve_path.ts";

Deno.test("resolvePath follows links, also for what does not exist yet", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${folder}/real`);
  await Deno.symlink(`${folder}/real`, `${folder}/link`);
  equal(await resolvePath(`${folder}/link`), `${folder}/real`);
  equal(await resolvePath(`${folder}/link/a/../b/c`), `${folder}/real/b/c`);
  equal(await resolvePath("./data-that-is-not-there"), `${Deno.cwd()}/data-that-is-not-there`);
  await Deno.remove(folder, { recursive: true });
});
