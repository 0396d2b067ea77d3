import assert from "node:assert/strict";
import { openDiskBlobs } from "@/adapters/blobs/disk.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { BlobCorrupt } from "@/events/blobs/blobs.ts";
import { listed, testBlobs } from "../../contract/blobs.ts";

testBlobs({
  name: "disk",
  async open() {
    const directory = await Deno.makeTempDir();
    return {
      blobs: await openDiskBlobs({ directory: `${directory}/blobs` }),
      directory,
      close: () => Deno.remove(directory, { recursive: true }),
    };
  },
});

const HELLO = new TextEncoder().encode("hello");
const HELLO_SHA256 = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const HELLO_PATH = `2c/f2/${HELLO_SHA256}`;
const DAY_AGO = new Date(Date.now() - 86_400_000);

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function breakBlob(path: string, bytes: string): Promise<void> {
  await Deno.chmod(path, 0o644);
  await Deno.writeTextFile(path, bytes);
}

Deno.test("disk blobs put back what a killed deletion has put aside", () =>
  inDirectory(async (directory) => {
    await (await openDiskBlobs({ directory })).put(HELLO);
    const path = `${directory}/${HELLO_PATH}`;
    await Deno.rename(path, `${directory}/tmp/deleting-${HELLO_SHA256}`);
    const blobs = await openDiskBlobs({ directory, sweepAfterMs: 0 });
    assert.deepEqual([...await blobs.get(HELLO_SHA256)], [...HELLO]);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(`${directory}/tmp`)), []);
  }));

Deno.test("disk blobs lie two folders deep and cannot be written to", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory });
    await blobs.put(HELLO);
    const { mode, size } = await Deno.stat(`${directory}/${HELLO_PATH}`);
    assert.equal((mode ?? 0) & 0o777, 0o444);
    assert.equal(size, 5);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(`${directory}/tmp`)), []);
  }));

Deno.test("disk blobs say that a blob is corrupt when its bytes changed, and with what hash", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory });
    await blobs.put(HELLO);
    await breakBlob(`${directory}/${HELLO_PATH}`, "hellO");
    const isCorrupt = (error: unknown) =>
      error instanceof BlobCorrupt && error.sha256 === HELLO_SHA256 &&
      /^[0-9a-f]{64}$/.test(error.actual) && error.actual !== HELLO_SHA256;
    await assert.rejects(blobs.get(HELLO_SHA256), isCorrupt);
    await assert.rejects(blobs.local(HELLO_SHA256), isCorrupt);
  }));

Deno.test("disk blobs find out that a lent file was changed after it was verified", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory });
    await blobs.put(HELLO);
    (await blobs.local(HELLO_SHA256)).release();
    await breakBlob(`${directory}/${HELLO_PATH}`, "other text");
    await assert.rejects(blobs.local(HELLO_SHA256), BlobCorrupt);
  }));

for (const broken of ["hellO", "hell", ""]) {
  Deno.test(`disk blobs heal a blob that holds "${broken}" when its bytes are put again`, () =>
    inDirectory(async (directory) => {
      const blobs = await openDiskBlobs({ directory });
      await blobs.put(HELLO);
      await breakBlob(`${directory}/${HELLO_PATH}`, broken);
      await blobs.put(HELLO);
      assert.deepEqual([...await blobs.get(HELLO_SHA256)], [...HELLO]);
    }));
}

Deno.test("disk blobs renew the time of a blob that is put again", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory });
    for (const again of ["bytes", "file"]) {
      await blobs.put(HELLO);
      await Deno.utime(`${directory}/${HELLO_PATH}`, DAY_AGO, DAY_AGO);
      const path = `${directory}/again`;
      await Deno.writeFile(path, HELLO);
      await (again === "bytes" ? blobs.put(HELLO) : blobs.putFile(path));
      const [blob] = await listed(blobs);
      assert.ok(blob && Date.now() - blob.putAt.getTime() < 60_000, again);
    }
  }));

Deno.test("disk blobs date a file that was written long ago by when it was put", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory });
    const path = `${directory}/old`;
    await Deno.writeFile(path, HELLO);
    await Deno.utime(path, DAY_AGO, DAY_AGO);
    await blobs.putFile(path);
    const [blob] = await listed(blobs);
    assert.ok(blob && Date.now() - blob.putAt.getTime() < 60_000);
  }));

Deno.test("disk blobs remove unfinished files of an hour ago when opened, and no others", () =>
  inDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/tmp`);
    await Deno.writeTextFile(`${directory}/tmp/left-behind`, "half");
    await Deno.utime(`${directory}/tmp/left-behind`, DAY_AGO, DAY_AGO);
    await Deno.writeTextFile(`${directory}/tmp/running`, "half");
    await openDiskBlobs({ directory });
    const names = (await Array.fromAsync(Deno.readDir(`${directory}/tmp`))).map(({ name }) => name);
    assert.deepEqual(names, ["running"]);
  }));

Deno.test("disk blobs list only blobs when other files lie about", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory });
    await blobs.put(HELLO);
    await Deno.writeTextFile(`${directory}/README`, "x");
    await Deno.writeTextFile(`${directory}/2c/f2/notes.txt`, "x");
    assert.deepEqual((await listed(blobs)).map(({ sha256 }) => sha256), [HELLO_SHA256]);
  }));

Deno.test("disk blobs fail as an adapter when a file to be taken does not exist", () =>
  inDirectory(async (directory) => {
    const blobs = await openDiskBlobs({ directory });
    await assert.rejects(
      blobs.putFile(`${directory}/none`),
      (error: unknown) =>
        error instanceof AdapterError && error.port === "blobs" && !error.retryable,
    );
  }));

Deno.test("disk blobs hold every acknowledged blob whole after kill -9 in the middle of puts", () =>
  inDirectory(async (directory) => {
    const script = new URL("./put_for_ever.ts", import.meta.url);
    for (const acknowledgedBeforeKill of [1, 7]) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", script.pathname, directory],
        stdout: "piped",
        stderr: "null",
      }).spawn();
      let text = "";
      let isKilled = false;
      for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += piece;
        if (isKilled || text.split("\n").length <= acknowledgedBeforeKill) continue;
        isKilled = true;
        child.kill("SIGKILL");
      }
      await child.status;
      const acknowledged = text.split("\n").filter((line) => line.length === 64);
      assert.ok(acknowledged.length >= acknowledgedBeforeKill);
      const blobs = await openDiskBlobs({ directory, sweepAfterMs: 0 });
      for (const sha256 of acknowledged) assert.ok((await blobs.get(sha256)).length >= 50_000);
      for (const { sha256 } of await listed(blobs)) await blobs.get(sha256);
    }
  }));
