import { deepEqual, equal, rejects } from "node:assert/strict";
import { gunzipSync, strFromU8, strToU8 } from "fflate";
import {
  createCsvWriter,
  createFreqtradeWriter,
  type PageWriter,
} from "@/cron/commands/export_text.ts";
import type { ResultFile } from "@/domain/ports/local_files.ts";

const PAGES = [
  "open_time,open,high,low,close,volume,close_time\n1,0.1,2,0.1,1.5,10,59999\n",
  "open_time,open,high,low,close,volume,close_time\n",
  "open_time,open,high,low,close,volume,close_time\n2,0.2,2,0.2,1.5,0.00000001,\n3,1,1,1,1,1,\n",
];

/** What a writer makes of the pages. */
async function written(open: (result: ResultFile) => PageWriter, pages: string[]) {
  const chunks: Uint8Array[] = [];
  const result: ResultFile = {
    write: (bytes) => Promise.resolve(void chunks.push(bytes.slice())),
    addPart: () => Promise.resolve(),
    joinParts: () => Promise.resolve(),
    finish: () => Promise.resolve(0),
    discard: () => Promise.resolve(),
  };
  const writer = open(result);
  for (const page of pages) await writer.write(strToU8(page));
  await writer.end();
  return new Uint8Array(await new Blob(chunks.map((chunk) => chunk.slice())).arrayBuffer());
}

const CSV = "open_time,open,high,low,close,volume,close_time\n1,0.1,2,0.1,1.5,10,59999\n" +
  "2,0.2,2,0.2,1.5,0.00000001,\n3,1,1,1,1,1,\n";

Deno.test("a csv of pages has one header and every row once", async () => {
  const bytes = await written((result) => createCsvWriter(result, { gzip: false }), PAGES);
  equal(strFromU8(bytes), CSV);
});

Deno.test("a compressed csv unpacks to the same", async () => {
  const bytes = await written((result) => createCsvWriter(result, { gzip: true }), PAGES);
  equal(strFromU8(gunzipSync(bytes)), CSV);
});

Deno.test("freqtrade's json holds six columns, digits as held", async () => {
  const bytes = await written((result) => createFreqtradeWriter(result, { gzip: true }), PAGES);
  const text = strFromU8(gunzipSync(bytes));
  equal(text, "[[1,0.1,2,0.1,1.5,10],[2,0.2,2,0.2,1.5,0.00000001],[3,1,1,1,1,1]]");
  deepEqual(JSON.parse(text)[1], [2, 0.2, 2, 0.2, 1.5, 1e-8]);
});

Deno.test("freqtrade's json of no candle is an empty list", async () => {
  const bytes = await written((result) => createFreqtradeWriter(result, { gzip: false }), [
    PAGES[1] ?? "",
  ]);
  equal(strFromU8(bytes), "[]");
});

Deno.test("a compressed result whose file fails says so and does not hang", async () => {
  const failing: ResultFile = {
    write: () => Promise.reject(new Error("disk full")),
    addPart: () => Promise.resolve(),
    joinParts: () => Promise.resolve(),
    finish: () => Promise.resolve(0),
    discard: () => Promise.resolve(),
  };
  const writer = createCsvWriter(failing, { gzip: true });
  await rejects(async () => {
    for (let i = 0; i < 100; i++) {
      await writer.write(crypto.getRandomValues(new Uint8Array(60_000)));
    }
    await writer.end();
  }, /disk full/);
});
