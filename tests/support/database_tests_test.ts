import { deepEqual } from "node:assert/strict";
import { databaseTests } from "./database_tests.ts";

Deno.test("databaseTests finds the tests that reach the databases, also through a contract", async () => {
  const root = await Deno.realPath(await Deno.makeTempDir());
  const files = {
    "tests/support/database.ts": "",
    "tests/contract/store.ts": 'import { databases } from "../support/database.ts";',
    "tests/events/store_test.ts": 'import { suite } from "../contract/store.ts";',
    "tests/direct_test.ts": 'import { databases } from "./support/database.ts";',
    "tests/domain/pure_test.ts": 'import { loop } from "./loop.ts";',
    "tests/domain/loop.ts": 'import { pure } from "./loop_back.ts";',
    "tests/domain/loop_back.ts": 'import { loop } from "./loop.ts";',
  };
  for (const [path, source] of Object.entries(files)) {
    await Deno.mkdir(`${root}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    await Deno.writeTextFile(`${root}/${path}`, source);
  }
  deepEqual(await databaseTests(root), ["tests/direct_test.ts", "tests/events/store_test.ts"]);
  await Deno.remove(root, { recursive: true });
});
