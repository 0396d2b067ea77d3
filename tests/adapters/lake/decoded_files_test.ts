import { deepEqual } from "node:assert/strict";
import { DecodedFiles } from "@/adapters/lake/decoded_files.ts";
import { openEngine } from "@/adapters/lake/engine.ts";
import { FileHeaders } from "@/adapters/lake/file_headers.ts";
import { writeFile } from "@/adapters/lake/period_file.ts";

const SCALE = { price: 2, volume: 1, quote: 0 };
const ROWS = 100;
/** Six columns of doubles. */
const FILE_BYTES = ROWS * 6 * 8;

Deno.test("files are kept unpacked once they are warm, as far as there is room", async () => {
  const folder = await Deno.makeTempDir();
  const engine = await openEngine({
    ...{ tempDir: folder, allowedDirectories: [], memoryLimit: "256MB", threads: 1 },
  });
  try {
    await engine.use("work", new AbortController().signal, async (session) => {
      const paths = ["a", "b", "c"].map((name) => `${folder}/${name}.parquet`);
      for (const outPath of paths) {
        const sql = `select n * 60000 as open_time, 10.25 as open, 11 as high, 9.5 as low,
          10 as close, n as volume, null::bigint as close_time, null as quote_volume,
          null::bigint as trades_count, null as taker_buy_volume, null as taker_buy_quote_volume,
          3 as "source" from range(${ROWS}) r(n)`;
        await writeFile(session, { sql, interval: "1m" }, { scale: SCALE, outPath });
      }
      const headers = new FileHeaders();
      const files = new DecodedFiles(2 * FILE_BYTES);
      let unpacked = 0;
      const counting = {
        ...session,
        raw: (sql: string) => (unpacked++, session.raw(sql)),
      };
      const read = async (name: number) => {
        const path = paths[name] ?? "";
        const found = await files.of(counting, path, await headers.of(session, path));
        return [found?.count, found?.columns.map(({ numbers }) => numbers[1]), unpacked];
      };
      const values = [60_000, 1_025, 1_100, 950, 1_000, 10];
      const often = async (name: number, times: number) => {
        for (let n = 0; n < times; n++) await read(name);
      };
      await often(0, 4);
      deepEqual(await read(0), [undefined, undefined, 0]);
      deepEqual(await read(0), [ROWS, values, 1]);
      deepEqual(await read(0), [ROWS, values, 1]);
      await often(1, 9);
      deepEqual(await read(1), [ROWS, values, 2]);
      // No room for a third until it is warmer than the first.
      await often(2, 6);
      deepEqual(await read(2), [undefined, undefined, 2]);
      deepEqual(await read(2), [ROWS, values, 3]);
      deepEqual(await read(1), [ROWS, values, 3]);
      deepEqual(await read(0), [undefined, undefined, 3]);
    });
  } finally {
    await engine.close();
    await Deno.remove(folder, { recursive: true });
  }
});
