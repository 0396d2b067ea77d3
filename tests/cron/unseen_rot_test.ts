import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { House } from "@/tests/support/house.ts";
import { fileOf, rotUnseen } from "./archive/damage.ts";
import {
  archive,
  archiveTest,
  DAY,
  MINUTE,
  minutes,
  put,
  read,
  remove,
} from "./archive/archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);

/** The only blob that is no period's file. */
async function batchOf({ blobs, folder }: House): Promise<string> {
  const [batch, ...others] = await Array.fromAsync(blobs.list());
  ok(batch !== undefined && others.length === 0);
  const { sha256 } = batch;
  return `${folder}/blobs/${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
}

archiveTest(
  "unseen rot: a file that was whole when it was last read is not the base of a new version",
  async (house) => {
    await put(house, minutes(JAN, 300));
    await archive(house, { hotDays: 1 });
    const before = await read(house);
    const path = await fileOf(house, 0);
    await rotUnseen(path);
    for (
      const change of [
        () => put(house, minutes(JAN + DAY, 1)),
        () => remove(house, JAN, JAN + MINUTE),
      ]
    ) {
      match(String(await change().catch(String)), /Cannot read .* 2024-01: its file is damaged/);
    }
    equal(await fileOf(house, 0), path);
    // Put back out of a backup.
    await rotUnseen(path);
    equal(await read(house), before);
    equal((await put(house, minutes(JAN + DAY, 1))).ingested, 1);
  },
);

archiveTest(
  "unseen rot: a file that the engine cannot read any more is told as damaged",
  async (house) => {
    await put(house, minutes(JAN, 300));
    await archive(house, { hotDays: 1 });
    await read(house);
    const path = await fileOf(house, 0);
    const { atime, mtime, size } = await Deno.stat(path);
    await Deno.chmod(path, 0o644);
    await Deno.writeFile(path, new Uint8Array(size));
    await Deno.utime(path, atime ?? new Date(), mtime ?? new Date());
    await rejects(read(house, { start: JAN + MINUTE }), /2024-01: its file is damaged/);
    // So the next run of the archive looks at it.
    equal(house.archiving.damagedReads.size, 1);
  },
);

archiveTest(
  "unseen rot: a batch that was whole when it was recorded does not make a file",
  async (house) => {
    await put(house, minutes(JAN, 300));
    const before = await read(house);
    await rotUnseen(await batchOf(house));
    // Its rows are taken.
    const { problems, periodsFiled } = await archive(house, { hotDays: 1 });
    deepEqual([problems, periodsFiled], [0, 1]);
    equal(await read(house), before);
  },
);
