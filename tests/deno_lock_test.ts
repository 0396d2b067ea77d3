import { deepEqual } from "node:assert/strict";

Deno.test("deno.lock names packages and their digests, never a place to load them from", async () => {
  const text = await Deno.readTextFile(new URL("../deno.lock", import.meta.url));
  deepEqual(text.match(/https?:\/\/[^"]*|"tarball"|"resolved"/g), null);
});
