import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { openPglite } from "@/adapters/database/pglite.ts";
import {
  BrokenDatabase,
  prepareFolder,
  UnusableFolder,
  WHOLE,
} from "@/adapters/database/pglite_folder.ts";
import { copyPristine } from "@/tests/support/place.ts";
import { quietLog } from "@/tests/support/quiet_log.ts";

interface Scene {
  readonly folder: string;
  /** Writes files below it, with the folders in which they lie. */
  write(files: Readonly<Record<string, string>>): Promise<void>;
  prepare(): Promise<readonly string[]>;
  /** Names beside the folder. */
  beside(): Promise<readonly string[]>;
}

function inFolder(work: (scene: Scene) => Promise<void>): () => Promise<void> {
  return async () => {
    const place = await Deno.makeTempDir();
    const folder = `${place}/data/db`;
    const said: string[] = [];
    const log = { ...quietLog, warn: (message: string) => void said.push(message) };
    try {
      await work({
        folder,
        async write(files) {
          for (const [name, text] of Object.entries(files)) {
            await Deno.mkdir(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
            await Deno.writeTextFile(`${folder}/${name}`, text);
          }
        },
        async prepare() {
          await prepareFolder(folder, log);
          return said;
        },
        beside: async () =>
          (await Array.fromAsync(Deno.readDir(`${place}/data`))).map(({ name }) => name),
      });
    } finally {
      await Deno.remove(place, { recursive: true });
    }
  };
}

Deno.test(
  "pglite opens a database whose mark of being whole was not copied with it",
  inFolder(async ({ folder, beside }) => {
    await copyPristine(folder.replace(/\/db$/, ""));
    const before = await openPglite({ dataDir: folder });
    await before.script("create table t as select 7 as id");
    await before.close();
    await Deno.remove(`${folder}/${WHOLE}`);
    const after = await openPglite({ dataDir: folder });
    deepEqual(await after.query("select id from t"), [{ id: 7 }]);
    await after.close();
    ok((await Deno.stat(`${folder}/${WHOLE}`)).isFile);
    ok((await beside()).every((name) => !name.includes("incomplete")));
  }),
);

Deno.test(
  "pglite sets aside what a killed process had only begun to make, and says so",
  inFolder(async ({ write, prepare, beside }) => {
    await write({ PG_VERSION: "", "base/1/1259": "x", "global/pg_control": "x" });
    match((await prepare()).join(), /only begun/);
    const [aside = "", ...others] = await beside();
    match(aside, /^db\.incomplete-\d+$/);
    deepEqual(others, []);
    equal((await prepare()).length, 1, "there is nothing to set aside any more");
  }),
);

Deno.test("pglite says in one sentence what to do with a folder that cannot be set aside", async () => {
  // As a mount point, nothing of it can be renamed.
  await rejects(prepareFolder("/proc/self/task", quietLog), (error) => {
    ok(error instanceof UnusableFolder);
    match(error.message, /^Cannot make a database in \/proc\/self\/task: .* mount the disk at/);
    return true;
  });
});

for (const trace of ["base/5/16384", WHOLE]) {
  Deno.test(
    `pglite refuses a folder that has ${trace} and lacks its PG_VERSION`,
    inFolder(async ({ folder, write, prepare, beside }) => {
      await write({ [trace]: "x", "base/1/1259": "x" });
      await rejects(prepare(), (error) => {
        ok(error instanceof BrokenDatabase);
        match(error.message, /Restore the whole folder from a backup$/);
        equal(error.folder, folder);
        return true;
      });
      deepEqual(await beside(), ["db"]);
    }),
  );
}

Deno.test(
  "pglite takes an empty folder as it is",
  inFolder(async ({ folder, prepare, beside }) => {
    await Deno.mkdir(folder, { recursive: true });
    deepEqual([await prepare(), await beside()], [[], ["db"]]);
  }),
);
