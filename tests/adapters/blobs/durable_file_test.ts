import { deepEqual } from "node:assert/strict";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";

const BYTES = new TextEncoder().encode("candles");

/** What the work asks of the system, in its order: `sync <path>` and `rename <from> <to>`. */
async function asked(directory: string, work: () => Promise<unknown>): Promise<string[]> {
  const steps: string[] = [];
  const paths = new WeakMap<Deno.FsFile, string>();
  const { open, rename } = Deno;
  const { sync } = Deno.FsFile.prototype;
  const short = (path: string | URL) =>
    String(path).replace(directory, "").replace(/\/tmp\/.*/, "/tmp/new").replace(
      /[0-9a-f]{64}/,
      "sha256",
    ).replaceAll(/\/[0-9a-f]{2}(?=\/|$)/g, "/xx");
  Object.assign(Deno, {
    async open(path: string | URL, options?: Deno.OpenOptions) {
      const file = await open(path, options);
      paths.set(file, short(path));
      return file;
    },
    async rename(from: string | URL, to: string | URL) {
      await rename(from, to);
      steps.push(`rename ${short(from)} ${short(to)}`);
    },
  });
  Deno.FsFile.prototype.sync = async function (this: Deno.FsFile) {
    await sync.call(this);
    steps.push(`sync ${paths.get(this)}`);
  };
  try {
    await work();
  } finally {
    Object.assign(Deno, { open, rename });
    Deno.FsFile.prototype.sync = sync;
  }
  return steps;
}

/** The name, and its folders where they are new. */
const NAMED = ["sync /blobs/xx/xx", "sync /blobs/xx", "sync /blobs"];

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a blob's bytes are forced to the disk before it has its name, and its name before it is told", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory: `${directory}/blobs` });
    deepEqual(await asked(directory, () => blobs.put(BYTES)), [
      "sync /blobs/tmp/new",
      "rename /blobs/tmp/new /blobs/xx/xx/sha256",
      ...NAMED,
    ]);
  }));

Deno.test("a file that becomes a blob is forced to the disk before it has its name", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory: `${directory}/blobs` });
    const path = `${directory}/period.parquet`;
    await Deno.writeFile(path, BYTES);
    const steps = await asked(directory, () => blobs.putFile(path));
    const [first] = steps;
    deepEqual(first?.startsWith("sync "), true);
    const named = steps.findIndex((step) => step.endsWith(" /blobs/xx/xx/sha256"));
    deepEqual(steps.slice(named + 1), NAMED);
    deepEqual(steps.slice(0, named).some((step) => step.startsWith("sync ")), true);
  }));
