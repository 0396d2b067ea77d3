import { deepEqual, equal, match, notDeepEqual, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";
import { readZipContent } from "@/adapters/files/zip_content.ts";
import { openZipFolder } from "@/adapters/files/zip_folder.ts";
import { createZipWriter } from "@/adapters/files/zip_writer.ts";
import { unpackZip } from "@/adapters/files/zip.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { ZipFolder } from "@/domain/ports/zip_folder.ts";

const PATH = "data/spot/daily/BTCUSDT-1m-2020-01-01.zip";
const TEXT = strToU8("1577836800000,1,2,0.5,1.5,10\n".repeat(20_000));
const { signal } = new AbortController();

async function withFolder(test: (root: string, folder: ZipFolder) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await test(root, openZipFolder(`${root}/out`));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function write(folder: ZipFolder, text: Uint8Array, sizes = [text.length]): Promise<number> {
  const zip = await folder.create(PATH);
  try {
    let at = 0;
    for (const size of [...sizes, text.length]) await zip.write(text.subarray(at, at += size));
    return await zip.finish();
  } finally {
    await zip.discard();
  }
}

async function zipped(text: Uint8Array, sizes: readonly number[]): Promise<Uint8Array> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const writer = createZipWriter("a.csv", (bytes) => {
    parts.push(bytes.slice());
    return Promise.resolve();
  });
  let at = 0;
  for (const size of [...sizes, text.length]) await writer.write(text.subarray(at, at += size));
  await writer.end();
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

Deno.test("a zip folder writes a zip and its checksum, which other programs read", () =>
  withFolder(async (root, folder) => {
    const size = await write(folder, TEXT);
    const bytes = await Deno.readFile(`${root}/out/${PATH}`);
    equal(bytes.length, size);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    equal(
      await Deno.readTextFile(`${root}/out/${PATH}.CHECKSUM`),
      `${sha256}  BTCUSDT-1m-2020-01-01.zip\n`,
    );
    deepEqual(Object.keys(unzipSync(bytes)), ["BTCUSDT-1m-2020-01-01.csv"]);
    deepEqual(unzipSync(bytes)["BTCUSDT-1m-2020-01-01.csv"], TEXT);
    const [unpacked] = await unpackZip(`${root}/out/${PATH}`, { directory: root, signal });
    deepEqual(await Deno.readFile(unpacked?.path ?? ""), TEXT);
    const names = await Array.fromAsync(Deno.readDir(`${root}/out/data/spot/daily`));
    equal(names.length, 2);
  }));

Deno.test("a zip has the same bytes however its text came, and another text has others", async () => {
  const whole = await zipped(TEXT, []);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(200_000), { maxLength: 8 }), async (sizes) => {
      deepEqual(await zipped(TEXT, sizes), whole);
    }),
    { numRuns: 10 },
  );
  notDeepEqual(await zipped(TEXT.subarray(1), []), whole);
  equal(strFromU8(unzipSync(await zipped(new Uint8Array(), []))["a.csv"] ?? TEXT), "");
});

Deno.test("a zip that is whole is inspected by its own directory", () =>
  withFolder(async (_root, folder) => {
    equal(await folder.inspect(PATH), undefined);
    await write(folder, TEXT);
    deepEqual(await folder.inspect(PATH), { sizeBytes: TEXT.length, crc32: crc32(TEXT) });
  }));

for (
  const [what, harm] of [
    ["is cut", (path: string) => Deno.truncate(path, 100)],
    ["has a changed byte", async (path: string) => {
      const bytes = await Deno.readFile(path);
      bytes[50] = (bytes[50] ?? 0) ^ 1;
      await Deno.writeFile(path, bytes);
    }],
    ["has no checksum", (path: string) => Deno.remove(`${path}.CHECKSUM`)],
    [
      "has another's checksum",
      (path: string) => Deno.writeTextFile(`${path}.CHECKSUM`, `${"0".repeat(64)}  x.zip\n`),
    ],
    [
      "has a checksum that is none",
      (path: string) => Deno.writeTextFile(`${path}.CHECKSUM`, "<html>"),
    ],
    ["is gone", (path: string) => Deno.remove(path)],
  ] as const
) {
  Deno.test(`a zip that ${what} is not whole, and is written anew as it was`, () =>
    withFolder(async (root, folder) => {
      await write(folder, TEXT);
      const before = await Deno.readFile(`${root}/out/${PATH}`);
      await harm(`${root}/out/${PATH}`);
      equal(await folder.inspect(PATH), undefined);
      await write(folder, TEXT);
      deepEqual(await Deno.readFile(`${root}/out/${PATH}`), before);
      equal((await folder.inspect(PATH))?.sizeBytes, TEXT.length);
    }));
}

Deno.test("a zip that is given up leaves nothing and harms no earlier one", () =>
  withFolder(async (root, folder) => {
    await write(folder, TEXT);
    const zip = await folder.create(PATH);
    await zip.write(TEXT.subarray(0, 100_000));
    await zip.discard();
    equal((await folder.inspect(PATH))?.sizeBytes, TEXT.length);
    equal((await Array.fromAsync(Deno.readDir(`${root}/out/data/spot/daily`))).length, 2);
  }));

Deno.test("what a killed export left is swept by the next one of the same file, when it is old", () =>
  withFolder(async (root, folder) => {
    const place = `${root}/out/data/spot/daily`;
    const old = new Date("2020-01-01");
    const left = [".BTCUSDT-1m-2020-01-01.zip.a", ".BTCUSDT-1m-2020-01-01.zip.b", ".mine.zip.c"];
    for (const name of left) await Deno.mkdir(`${place}/${name}`, { recursive: true });
    for (const i of [0, 2]) await Deno.utime(`${place}/${left[i]}`, old, old);
    await write(folder, TEXT);
    const names = await Array.fromAsync(Deno.readDir(place), ({ name }) => name);
    deepEqual(names.filter((name) => name.startsWith(".")).toSorted(), left.slice(1));
  }));

Deno.test("a zip folder that cannot be written to says which file, and why", () =>
  withFolder(async (root, folder) => {
    await Deno.mkdir(`${root}/out`);
    await Deno.writeTextFile(`${root}/out/data`, "in the way");
    await rejects(folder.create(PATH), (error) => {
      match(String(error), /data\/spot\/daily/);
      return error instanceof AdapterError;
    });
  }));

Deno.test("readZipContent knows a zip with a comment, and refuses what is none or holds more", () =>
  withFolder(async (root) => {
    const inspect = async (bytes: Uint8Array) => {
      await Deno.writeFile(`${root}/x.zip`, bytes);
      return await readZipContent(`${root}/x.zip`);
    };
    const whole = zipSync({ "a.csv": TEXT });
    const comment = strToU8("made elsewhere");
    const commented = new Uint8Array([...whole, ...comment]);
    commented[whole.length - 2] = comment.length;
    deepEqual(await inspect(commented), { sizeBytes: TEXT.length, crc32: crc32(TEXT) });
    equal(await inspect(zipSync({ "a.csv": TEXT, "b.csv": TEXT })), undefined);
    for (const bytes of [new Uint8Array(), strToU8("no zip"), whole.subarray(20), TEXT]) {
      equal((await inspect(bytes))?.crc32 === crc32(TEXT), false);
    }
  }));

Deno.test("zip folder: a plain file where the folder would be is named", async () => {
  await withFolder(async (root, folder) => {
    await Deno.writeTextFile(`${root}/out`, "a file");
    await rejects(folder.inspect(PATH), {
      code: "validation_error",
      message: `Cannot write into ${root}/out: it is not a folder`,
    });
  });
});
