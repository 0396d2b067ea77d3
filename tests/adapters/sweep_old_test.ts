import { deepEqual } from "node:assert/strict";
import { sweepOld } from "@/adapters/sweep_old.ts";

const NOW = Date.UTC(2024, 0, 2);

/** A folder with files touched that many hours before NOW. */
async function withFiles(
  hours: Readonly<Record<string, number>>,
  test: (folder: string, names: () => Promise<string[]>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, age] of Object.entries(hours)) {
      const path = `${folder}/${name}`;
      if (name.endsWith("/")) await Deno.mkdir(`${path}full`, { recursive: true });
      else await Deno.writeTextFile(path, "");
      const at = new Date(NOW - age * 3_600_000);
      await Deno.utime(path, at, at);
    }
    const names = () => Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
    await test(folder, async () => (await names()).toSorted());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("sweepOld removes what is older, folders with what they hold, and leaves the rest", () =>
  withFiles({ old: 3, young: 1, "folder/": 3, "busy/": 0 }, async (folder, names) => {
    await sweepOld(folder, { before: NOW - 2 * 3_600_000 });
    deepEqual(await names(), ["busy", "young"]);
  }));

Deno.test("sweepOld leaves what does not match, and asks the caller when it was touched", () =>
  withFiles({ "a.tmp": 3, "b.tmp": 3, mine: 3 }, async (folder, names) => {
    const matches = ({ name }: Deno.DirEntry) => name.endsWith(".tmp");
    await sweepOld(folder, { before: NOW, matches, touchedAt: () => NOW });
    deepEqual(await names(), ["a.tmp", "b.tmp", "mine"]);
    await sweepOld(folder, { before: NOW, matches });
    deepEqual(await names(), ["mine"]);
  }));

Deno.test("sweepOld does not mind others that sweep the same folder, nor one that is not there", () =>
  withFiles(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`f${n}`, 3])), async (
    folder,
    names,
  ) => {
    await Promise.all([1, 2, 3, 4].map(() => sweepOld(folder, { before: NOW })));
    deepEqual(await names(), []);
    await sweepOld(`${folder}/none`, { before: NOW });
  }));
