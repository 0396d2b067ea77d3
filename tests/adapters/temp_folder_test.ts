import { deepEqual, equal, notEqual, rejects } from "node:assert/strict";
import { claimTempFolder, withTempFolder } from "@/adapters/temp_folder.ts";

const HOLDER = new URL("../support/hold_temp_folder.ts", import.meta.url).pathname;

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/tmp`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function foldersIn(parent: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(parent));
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => `${parent}/${name}`);
}

Deno.test("a temporary folder stays while its process lives and goes after kill -9", async () => {
  await withFolder(async (parent) => {
    const holder = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", HOLDER, parent],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = holder.stdout.getReader();
    const its = new TextDecoder().decode((await reader.read()).value).trim();

    const ours = await claimTempFolder(parent);
    deepEqual((await foldersIn(parent)).sort(), [its, ours.path].sort());
    holder.kill("SIGKILL");
    await holder.status;
    await reader.cancel();
    await withTempFolder(parent, async (third) => {
      deepEqual((await foldersIn(parent)).sort(), [ours.path, third].sort());
    });
    await ours.remove();
    deepEqual(await foldersIn(parent), []);
  });
});

Deno.test("claimTempFolder removes folders that hold no lock at all, and no file", async () => {
  await withFolder(async (parent) => {
    await Deno.mkdir(`${parent}/unpacked-1/deeper`, { recursive: true });
    await Deno.writeTextFile(`${parent}/note`, "of a person");
    const { path, remove } = await claimTempFolder(parent);
    deepEqual(await foldersIn(parent), [path]);
    equal(await Deno.readTextFile(`${parent}/note`), "of a person");
    equal((await Deno.stat(path)).mode?.toString(8).slice(-3), "700");
    await remove();
  });
});

Deno.test("many claims at once get folders of their own, none swept by another", async () => {
  await withFolder(async (parent) => {
    const all = await Promise.all(Array.from({ length: 12 }, () => claimTempFolder(parent)));
    deepEqual((await foldersIn(parent)).sort(), all.map(({ path }) => path).sort());
    notEqual(all[0]?.path, all[1]?.path);
    await Promise.all(all.map(({ remove }) => remove()));
    deepEqual(await foldersIn(parent), []);
  });
});

Deno.test("withTempFolder removes the folder of work that failed", async () => {
  await withFolder(async (parent) => {
    const failing = withTempFolder(parent, () => Promise.reject(new Error("disk full")));
    await rejects(failing, /disk full/);
    deepEqual(await foldersIn(parent), []);
  });
});
