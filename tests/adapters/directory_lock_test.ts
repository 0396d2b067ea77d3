import { deepEqual, equal, ok } from "node:assert/strict";
import { lockDirectory, readHolder } from "@/adapters/directory_lock.ts";

const HOLDER = new URL("../support/hold_directory_lock.ts", import.meta.url).pathname;

Deno.test("directory lock names its holder to a second process and is free after kill -9", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/lock`;
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", HOLDER, path],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = holder.stdout.getReader();
  const { value } = await reader.read();
  equal(new TextDecoder().decode(value).trim(), "true");

  const refused = await lockDirectory(path, { pid: Deno.pid, address: null, tokenFile: null });
  ok(!refused.held);
  deepEqual([refused.holder?.pid, refused.holder?.address], [holder.pid, "http://x"]);

  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
  const lock = await lockDirectory(path, { pid: Deno.pid, address: null, tokenFile: "/t" });
  ok(lock.held);
  await lock.update({ address: "http://127.0.0.1:8000" });
  deepEqual([(await readHolder(path))?.address, (await readHolder(path))?.tokenFile], [
    "http://127.0.0.1:8000",
    "/t",
  ]);
  await lock.release();
  equal(await readHolder(path), undefined);
  await Deno.remove(folder, { recursive: true });
});
