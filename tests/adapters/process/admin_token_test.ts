import { deepEqual, equal, match } from "node:assert/strict";
import { findToken, readOrMakeToken } from "@/adapters/process/admin_token.ts";

Deno.test("the operator's token is made once, for the owner's eyes only", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/admin-token`;
  const token = await readOrMakeToken(path);
  match(token, /^[\w-]{43}$/);
  equal(await readOrMakeToken(path), token);
  equal((await Deno.stat(path)).mode?.toString(8).slice(-3), "600");
  equal((await Array.fromAsync(Deno.readDir(directory))).length, 1);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a token that a person wrote into the file is taken", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "  mine \n");
  equal(await readOrMakeToken(path), "mine");
  await Deno.remove(path);
});

Deno.test("an empty file gets a token: an empty one would let everybody in", async () => {
  const path = await Deno.makeTempFile();
  match(await readOrMakeToken(path), /^[\w-]{43}$/);
  await Deno.remove(path);
});

for (const [title, content] of [["no file", undefined], ["an empty file", ""]] as const) {
  Deno.test(`instances that start at once over ${title} share one token`, async () => {
    const directory = await Deno.makeTempDir();
    const path = `${directory}/admin-token`;
    for (let round = 0; round < 20; round++) {
      if (content === undefined) await Deno.remove(path).catch(() => {});
      else await Deno.writeTextFile(path, content);
      const tokens = await Promise.all(Array.from({ length: 8 }, () => readOrMakeToken(path)));
      deepEqual(new Set(tokens), new Set([(await Deno.readTextFile(path)).trim()]));
    }
    deepEqual((await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name), [
      "admin-token",
    ]);
    await Deno.remove(directory, { recursive: true });
  });
}

Deno.test("findToken reads what is there and never makes a file", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/admin-token`;
  equal(await findToken(path), undefined);
  equal((await Array.fromAsync(Deno.readDir(directory))).length, 0);
  await Deno.writeTextFile(path, "\n");
  equal(await findToken(path), undefined);
  const token = await readOrMakeToken(path);
  equal(await findToken(path), token);
  await Deno.remove(directory, { recursive: true });
});
