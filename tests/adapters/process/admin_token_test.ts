import { equal, match } from "node:assert/strict";
import { readOrMakeToken } from "@/adapters/process/admin_token.ts";

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
