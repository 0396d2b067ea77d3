import { deepEqual, equal, rejects } from "node:assert/strict";
import fc from "fast-check";
import { gunzipSync, gzipSync, strFromU8, strToU8 } from "fflate";
import { candleParts, rowTexts } from "@/adapters/remote/candle_parts.ts";
import type { ImportFile } from "@/domain/ports/local_files.ts";

const HEADER = "open_time,open,high,low,close,volume";

interface Given {
  readonly text: string;
  readonly format?: ImportFile["format"];
  readonly gzip?: boolean;
  readonly partBytes?: number;
  readonly claimedBytes?: number;
}

/** The text of every part of a file with this content. */
async function cut({ text, format = "csv", gzip = false, partBytes, claimedBytes }: Given) {
  const path = await Deno.makeTempFile();
  try {
    const bytes = gzip ? gzipSync(strToU8(text)) : strToU8(text);
    await Deno.writeFile(path, bytes);
    const sizeBytes = claimedBytes ?? bytes.length;
    const parts = await Array.fromAsync(
      candleParts({ name: "given", path, format, gzip, sizeBytes }, partBytes),
    );
    const readBytes = parts.reduce((sum, part) => sum + part.readBytes, 0);
    const texts = parts.map((part) => strFromU8(part.gzip ? gunzipSync(part.bytes) : part.bytes));
    return { texts, parts, readBytes, sizeBytes };
  } finally {
    await Deno.remove(path);
  }
}

function rows(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${1609459200000 + i * 60_000},1,2,0.5,1.${i},10`);
}

Deno.test("candleParts sends a small csv as one compressed part", async () => {
  const text = [HEADER, ...rows(3)].join("\n") + "\n";
  const { texts, parts, readBytes, sizeBytes } = await cut({ text });
  deepEqual(texts, [text]);
  equal(parts[0]?.contentType, "text/csv");
  equal(parts[0]?.gzip, true);
  equal(readBytes, sizeBytes);
});

Deno.test("candleParts cuts at line ends and repeats the header", async () => {
  const all = rows(20_000);
  const { texts } = await cut({ text: [HEADER, ...all].join("\r\n"), partBytes: 100_000 });
  equal(texts.length > 3, true);
  for (const text of texts) equal(text.startsWith(`${HEADER}\n`), true);
  deepEqual(texts.flatMap((text) => text.trimEnd().split("\n").slice(1)), all);
});

Deno.test("candleParts takes a first row for no header, also with a date-time text", async () => {
  const text = "2021-07-01 00:00:00,1,2,0.5,1,10\n2021-07-01 00:01:00,1,2,0.5,1,10\n";
  deepEqual((await cut({ text, partBytes: 1 })).texts, [text]);
});

Deno.test("candleParts loses and doubles no row wherever it cuts (property)", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4_000 }),
      fc.integer({ min: 1, max: 60_000 }),
      fc.boolean(),
      async (count, partBytes, gzip) => {
        const all = rows(count);
        const { texts } = await cut({ text: all.join("\n"), partBytes, gzip });
        deepEqual(texts.flatMap((text) => text.trimEnd().split("\n")), all);
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("candleParts reads gzip files of several members, as cat makes them", async () => {
  const [a, b] = [rows(2), rows(4).slice(2)].map((part) =>
    gzipSync(strToU8(part.join("\n") + "\n"))
  );
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, new Uint8Array([...a ?? [], ...b ?? []]));
  const file = { name: "cat.csv.gz", path, format: "csv", gzip: true, sizeBytes: 1 } as const;
  const [part] = await Array.fromAsync(candleParts(file));
  equal(strFromU8(gunzipSync(part?.bytes ?? new Uint8Array())), rows(4).join("\n") + "\n");
  await Deno.remove(path);
});

Deno.test("candleParts fails on a gzip file that is cut off", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, gzipSync(strToU8(rows(5_000).join("\n"))).slice(0, 20_000));
  const file = { name: "cut.csv.gz", path, format: "csv", gzip: true, sizeBytes: 1 } as const;
  await rejects(Array.fromAsync(candleParts(file)), /Cannot unpack cut\.csv\.gz/);
  await Deno.remove(path);
});

Deno.test("candleParts sends freqtrade's JSON as it is while it is short, however it is laid out", async () => {
  const candles = [[1609459200000, 1, 2, 0.5, 1.5, 10], [1609459260000, 1e-7, 2, 0, 1, 0]];
  for (const indent of [undefined, 2]) {
    const text = JSON.stringify(candles, null, indent);
    const { texts, parts } = await cut({ text, format: "freqtrade", gzip: true });
    deepEqual([texts, parts[0]?.contentType], [[text], "application/json"]);
  }
  deepEqual((await cut({ text: "[]", format: "freqtrade" })).texts, ["[]"]);
  deepEqual((await cut({ text: '[{"a": 1}', format: "freqtrade" })).texts, ['[{"a": 1}']);
});

Deno.test("candleParts cuts a long freqtrade file into lists, and loses no row", async () => {
  const all = rows(30_000).map((row) => JSON.parse(`[${row}]`));
  const text = JSON.stringify(all);
  const given = { text, format: "freqtrade", partBytes: 200_000 } as const;
  const { texts, readBytes, sizeBytes } = await cut(given);
  equal(texts.length > 3, true);
  deepEqual(texts.flatMap((part) => JSON.parse(part)), all);
  equal(readBytes, sizeBytes);
});

Deno.test("rowTexts gives the rows of a part as they stand in the file, without its header", async () => {
  for (
    const [format, text, expected] of [
      ["csv", `${HEADER}\n1,a,,\n\n2,b\n`, ["1,a,,", "2,b"]],
      ["csv", "1,2\n3,4", ["1,2", "3,4"]],
      ["freqtrade", '[[1,"x"],{"a":1}, null]', ['1,"x"', '{"a":1}', "null"]],
      ["json", '{"columns":[],"rows":[[1,2]]}', ["1,2"]],
      ["json", '{"columns":[],"rows":[[NaN]]}', []],
      ["parquet", "PAR1", []],
    ] as const
  ) {
    const { parts: [part] } = await cut({ text, format });
    deepEqual(part && await rowTexts(part), expected, text);
  }
});

Deno.test("candleParts sends parquet and json as they are", async () => {
  const parquet = await cut({ text: "PAR1", format: "parquet" });
  deepEqual(parquet.texts, ["PAR1"]);
  equal(parquet.parts[0]?.contentType, "application/vnd.apache.parquet");
  const json = await cut({ text: '{"columns":[],"rows":[]}', format: "json", gzip: true });
  deepEqual(json.texts, ['{"columns":[],"rows":[]}']);
  equal(json.parts[0]?.gzip, true);
});

Deno.test("candleParts refuses a parquet file that is larger than the API takes", async () => {
  const given = { text: "PAR1", format: "parquet", claimedBytes: 65 * 1024 * 1024 } as const;
  await rejects(cut(given), /up to 64 MB; stop it and import directly/);
});
