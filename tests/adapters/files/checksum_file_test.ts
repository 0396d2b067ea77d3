import { deepEqual, equal, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { strToU8, zipSync } from "fflate";
import { checksumText, requireChecksum } from "@/adapters/files/checksum_file.ts";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import { Refusal } from "@/domain/decider.ts";

const ZIP = zipSync({ "BTCUSDT-1m-2020-01.csv": strToU8("1577836800000,1,2,0.5,1.5,10\n") });
const SHA256 = createHash("sha256").update(ZIP).digest("hex");
const { signal } = new AbortController();

async function withZip(
  checksum: string | undefined,
  test: (path: string, tempDir: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.writeFile(`${root}/a.zip`, ZIP);
    if (checksum !== undefined) await Deno.writeTextFile(`${root}/a.zip.CHECKSUM`, checksum);
    await test(`${root}/a.zip`, `${root}/temp`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

for (
  const text of [
    checksumText(SHA256, "a.zip"),
    `${SHA256.toUpperCase()} *a.zip`,
    `${SHA256}\n`,
    undefined,
  ]
) {
  Deno.test(`openImports takes a zip with ${text === undefined ? "no" : "the"} checksum ${text?.slice(60)}`, () =>
    withZip(text, async (path, tempDir) => {
      const opened = await openLocalFiles({ tempDir }).openImports([path], signal);
      deepEqual(opened.files.map(({ name }) => name), [`${path}/BTCUSDT-1m-2020-01.csv`]);
      await opened.close();
    }));
}

for (
  const [text, reason] of [
    [checksumText("0".repeat(64), "a.zip"), /it is not the file that a\.zip\.CHECKSUM tells of/],
    [checksumText(SHA256.slice(1), "a.zip"), /a\.zip\.CHECKSUM holds no SHA-256/],
    ["", /a\.zip\.CHECKSUM holds no SHA-256/],
    ["<html>404</html>", /a\.zip\.CHECKSUM holds no SHA-256/],
  ] as const
) {
  Deno.test(`openImports refuses a zip with the checksum ${JSON.stringify(text.slice(0, 20))}`, () =>
    withZip(text, async (path, tempDir) => {
      await rejects(openLocalFiles({ tempDir }).openImports([path], signal), (error) => {
        equal(error instanceof Refusal, true);
        equal(reason.test(String(error)), true, String(error));
        return /^Refusal: Cannot read .*a\.zip: [^\n]+$/.test(String(error));
      });
      // Nothing was unpacked.
      await rejects(Deno.stat(tempDir), Deno.errors.NotFound);
    }));
}

Deno.test("openImports passes over the checksums that a shell's * finds beside the zips", () =>
  withZip(checksumText(SHA256, "a.zip"), async (path, tempDir) => {
    const files = openLocalFiles({ tempDir });
    const opened = await files.openImports([path, `${path}.CHECKSUM`], signal);
    equal(opened.files.length, 1);
    await opened.close();
    await rejects(files.openImports([`${path}.CHECKSUM`], signal), Refusal);
  }));

Deno.test("requireChecksum reads a file of any kind", () =>
  withZip(undefined, async (path) => {
    const csv = path.replace("a.zip", "a.csv");
    await Deno.writeTextFile(csv, "1,2,3");
    await requireChecksum(csv);
    await Deno.writeTextFile(`${csv}.CHECKSUM`, checksumText(SHA256, "a.csv"));
    await rejects(requireChecksum(csv), Refusal);
  }));
