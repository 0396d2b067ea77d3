import { deepEqual, equal, rejects } from "node:assert/strict";
import { gzipSync, strToU8, zipSync } from "fflate";
import { openLocalFiles } from "@/adapters/files/import_files.ts";
import { Refusal } from "@/domain/decider.ts";

const CSV = "open_time,open,high,low,close,volume\n1609459200000,1,2,0.5,1.5,10\n";
const { signal } = new AbortController();

/** A directory with these files, gone after the test. */
async function withFiles(
  files: Record<string, string | Uint8Array>,
  test: (place: { path(name: string): string; tempDir: string }) => Promise<void>,
): Promise<void> {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? strToU8(content) : content;
      await Deno.writeFile(`${directory}/${name}`, bytes);
    }
    await test({ path: (name) => `${directory}/${name}`, tempDir: `${directory}/temp` });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const KINDS = [
  ["a.csv", CSV, "csv", false],
  ["no-extension", CSV, "csv", false],
  ["a.csv.gz", gzipSync(strToU8(CSV)), "csv", true],
  ["named-wrongly.csv", gzipSync(strToU8(CSV)), "csv", true],
  ["BTC_USDT-1m.json", "[[1609459200000,1,2,0.5,1.5,10]]", "freqtrade", false],
  ["BTC_USDT-1m.json.gz", gzipSync(strToU8("[[1609459200000,1,2]]")), "freqtrade", true],
  ["columns.json", '{"columns":["open_time"],"rows":[[1]]}', "json", false],
  ["a.parquet", strToU8("PAR1....PAR1"), "parquet", false],
] as const;

for (const [name, content, format, gzip] of KINDS) {
  Deno.test(`openImports knows ${name} as ${format}${gzip ? ", compressed" : ""}`, async () => {
    await withFiles({ [name]: content }, async ({ path, tempDir }) => {
      const opened = await openLocalFiles({ tempDir }).openImports([path(name)], signal);
      const sizeBytes = content.length;
      deepEqual(opened.files, [{ name: path(name), path: path(name), format, gzip, sizeBytes }]);
      await opened.close();
    });
  });
}

/** A digit of a candle is another one than the archive was made of; stored, so nothing else notices. */
function changedDigit(): Uint8Array {
  const zip = zipSync({ "a.csv": strToU8(CSV) }, { level: 0 });
  const at = new TextDecoder("latin1").decode(zip).indexOf("1.5,10");
  zip[at] = "2".charCodeAt(0);
  return zip;
}

const REFUSED = [
  ["missing.csv", undefined, /missing\.csv: there is no such file$/],
  ["empty.csv", "", /it is empty$/],
  ["a.feather", strToU8("ARROW1\0\0"), /it is a feather file; csv/],
  ["a.csv.zst", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0), /compressed with zstd/],
  ["a.csv.xz", Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a), /compressed with xz/],
  ["picture.csv", Uint8Array.of(0x89, 0x50, 0, 0), /binary file/],
  ["broken.csv.gz", Uint8Array.of(0x1f, 0x8b, 8, 9, 9, 9), /damaged gzip/],
  ["prose.txt", "nothing that has columns", /no columns/],
  ["prose.zip", zipSync({ "readme.txt": strToU8("hello") }), /holds no csv file/],
  ["zip.csv.zip", zipSync({ "a.csv": zipSync({ "b.csv": strToU8(CSV) }) }), /archive within/],
  [
    "changed.zip",
    changedDigit(),
    /Cannot unpack changed\.zip: a\.csv is damaged \(CRC-32\); fetch/,
  ],
  ["no-end.zip", zipSync({ "a.csv": strToU8(CSV) }).slice(0, -30), /Cannot unpack no-end\.zip/],
  [
    "cut.zip",
    zipSync({ "a.csv": strToU8(CSV.repeat(900)) }).slice(0, 150),
    /Cannot unpack cut\.zip/,
  ],
] as const;

for (const [name, content, reason] of REFUSED) {
  Deno.test(`openImports refuses ${name} with one sentence that says why`, async () => {
    const files = content === undefined ? {} : { [name]: content };
    await withFiles(files, async ({ path, tempDir }) => {
      const opening = openLocalFiles({ tempDir }).openImports([path(name)], signal);
      await rejects(opening, (error: unknown) => {
        equal(error instanceof Refusal && error.code, "validation_error");
        return error instanceof Refusal && reason.test(error.message);
      });
    });
  });
}

Deno.test("openImports unpacks every csv of an archive, in order, and removes them at the end", async () => {
  const second = CSV.replace("1609459200000", "1609459260000");
  const archive = zipSync({
    "BTCUSDT-1m-2021-01.csv": strToU8(CSV),
    "__MACOSX/._BTCUSDT.csv": strToU8("junk"),
    "CHECKSUM.txt": strToU8("junk"),
    "../../escape.csv": [strToU8(second), { level: 0 }],
  });
  await withFiles({ "all.zip": archive }, async ({ path, tempDir }) => {
    const opened = await openLocalFiles({ tempDir }).openImports([path("all.zip")], signal);
    const names = [
      `${path("all.zip")}/BTCUSDT-1m-2021-01.csv`,
      `${path("all.zip")}/../../escape.csv`,
    ];
    deepEqual(opened.files.map(({ name }) => name), names);
    const texts = opened.files.map((file) => Deno.readTextFile(file.path));
    deepEqual(await Promise.all(texts), [CSV, second]);
    for (const file of opened.files) equal(file.path.startsWith(`${tempDir}/`), true);
    equal(opened.directories.length, 1);
    await opened.close();
    deepEqual(await Array.fromAsync(Deno.readDir(tempDir), ({ name }) => name), ["lock"]);
  });
});

Deno.test("openImports unpacks an archive much larger than a piece without a lost byte", async () => {
  const rows = Array.from(
    { length: 60_000 },
    (_, i) => `${1609459200000 + i * 60_000},${i},1,1,1,1`,
  );
  const text = rows.join("\n");
  await withFiles(
    { "big.zip": zipSync({ "big.csv": strToU8(text) }) },
    async ({ path, tempDir }) => {
      const opened = await openLocalFiles({ tempDir }).openImports([path("big.zip")], signal);
      const [file] = opened.files;
      equal(file === undefined ? "" : await Deno.readTextFile(file.path), text);
      await opened.close();
    },
  );
});

Deno.test("openImports leaves nothing behind when a later file is refused", async () => {
  const files = { "a.zip": zipSync({ "a.csv": strToU8(CSV) }) };
  await withFiles(files, async ({ path, tempDir }) => {
    const local = openLocalFiles({ tempDir });
    await rejects(local.openImports([path("a.zip"), path("b.csv")], signal), Refusal);
    deepEqual(await Array.fromAsync(Deno.readDir(tempDir), ({ name }) => name), ["lock"]);
  });
});

Deno.test("openImports stops when it is told to", async () => {
  await withFiles({ "a.csv": CSV }, async ({ path, tempDir }) => {
    const stopped = AbortSignal.abort(new Error("stopped"));
    await rejects(openLocalFiles({ tempDir }).openImports([path("a.csv")], stopped), /stopped/);
  });
});

Deno.test("openImports takes all candle files of a folder, at any depth, in the order of their names", async () => {
  await withFiles({}, async ({ path, tempDir }) => {
    for (const folder of ["years/b", "years/.hidden", "none"]) {
      await Deno.mkdir(path(folder), { recursive: true });
    }
    const zip = zipSync({ "z.csv": strToU8(CSV) });
    for (const name of ["years/c.csv", "years/b/a.CSV.GZ", "years/.hidden/h.csv", "years/n.txt"]) {
      await Deno.writeFile(path(name), /gz$/i.test(name) ? gzipSync(strToU8(CSV)) : strToU8(CSV));
    }
    await Deno.writeFile(path("years/a.zip"), zip);
    const sum = await crypto.subtle.digest("SHA-256", Uint8Array.from(zip));
    await Deno.writeTextFile(path("years/a.zip.CHECKSUM"), `${new Uint8Array(sum).toHex()}  a.zip`);
    const files = openLocalFiles({ tempDir });
    const opened = await files.openImports([`${path("years")}/`], signal);
    deepEqual(opened.files.map(({ name }) => name), [
      ...[path("years/a.zip/z.csv"), path("years/b/a.CSV.GZ"), path("years/c.csv")],
    ]);
    await opened.close();
    await Deno.writeTextFile(path("years/a.zip.CHECKSUM"), `${"0".repeat(64)}  a.zip`);
    await rejects(files.openImports([path("years")], signal), /a\.zip: it is not the file that/);
    await rejects(files.openImports([path("none")], signal), /there is no csv, csv\.gz, zip or/);
  });
});
