import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { createMemoryCache } from "@/adapters/cache/memory.ts";
import type { KlinePage } from "@/domain/ports/kline_reader.ts";
import { BlobMissing } from "@/events/blobs/blobs.ts";
import type { Database } from "@/events/store/database.ts";
import { openDb } from "@/projections/db.ts";
import { hotRowsText } from "@/projections/hot_rows.ts";
import { createKlineReader } from "@/projections/kline_reader.ts";
import type { House } from "@/tests/support/house.ts";
import {
  archive,
  archiveTest,
  DAY,
  ID,
  MINUTE,
  minutes,
  periods,
  put,
  read,
} from "../cron/archive/archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);
const NOW = Date.now();

/** Reads from the house by the plans that it made last, and remembers no page. */
function staleReader({ archiving }: House, deps: Partial<House["archiving"]> = {}) {
  const cache = createMemoryCache<KlinePage>({ maxBytes: 0, sizeOf: () => 1 });
  return createKlineReader({ ...archiving, cache, ...deps });
}

archiveTest("kline reader plans anew when the file it wanted was replaced", async (house) => {
  const { blobs } = house.archiving;
  const stale = { ...house, reader: staleReader(house) };
  await put(house, minutes(JAN, 400));
  await archive(house, { hotDays: 1, now: NOW });
  const whole = () => read(stale, { end: JAN + 31 * DAY });
  await whole();
  const fileOfJanuary = async () => (await periods(house))[0]?.fileSha256 ?? "";
  const replaced = await fileOfJanuary();
  // Nobody tells the reader of it, as of what another instance has done.
  await put(house, minutes(JAN + 500 * MINUTE, 1));
  await blobs.delete(replaced);
  match(await whole(), new RegExp(`\\[${JAN + 500 * MINUTE},`));
  equal(await whole(), await read(house, { end: JAN + 31 * DAY }));
  await blobs.delete(await fileOfJanuary());
  await rejects(whole(), BlobMissing);
});

archiveTest(
  "kline reader plans anew when the rows it wanted have gone to a file",
  async (house) => {
    await put(house, minutes(JAN, 400));
    const range = { seriesId: ID, from: JAN, to: JAN + 400 * MINUTE };
    const rows = await hotRowsText(house.database, range);
    equal(rows.split("\n").length, 401);
    for (const pageRows of [7, 100]) {
      equal(await hotRowsText(house.database, range, { pageRows }), rows, "page by page");
    }
    // As rows that are the answer, and as rows that the engine reads.
    const asked = [{}, { format: "objects" }] as const;
    const stale = asked.map((query) => ({
      query,
      house: { ...house, reader: staleReader(house) },
    }));
    const ask = () => Promise.all(stale.map(({ query, house }) => read(house, query)));
    const before = await ask();
    await archive(house, { hotDays: 1, now: NOW });
    deepEqual(await ask(), before);
  },
);

archiveTest(
  "kline reader knows of what came while it made its plan, and after a page was kept",
  async (house) => {
    const { database } = house;
    await put(house, minutes(JAN, 3));
    const [asking, answering] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const values: Database["values"] = async (sql, params) => {
      const rows = await database.values(sql, params);
      asking.resolve();
      await answering.promise;
      return rows;
    };
    const slow = new Proxy(database, {
      get: (target, name) => name === "values" ? values : Reflect.get(target, name),
    });
    const reader = staleReader(house, { db: openDb(slow) });
    const late = { ...house, reader };
    const first = read(late);
    await asking.promise;
    await put(house, minutes(JAN + 3 * MINUTE, 1));
    reader.changed(undefined);
    answering.resolve();
    await first;
    equal(await read(late), await read(house));

    const cache = createMemoryCache<KlinePage>({ maxBytes: 1e6, sizeOf: () => 1 });
    const remembering = createKlineReader({ ...house.archiving, cache });
    await read({ ...house, reader: remembering });
    await put(house, minutes(JAN + 4 * MINUTE, 1));
    // As when another instance moves on: by which events is not known.
    remembering.changed(undefined);
    equal(await read({ ...house, reader: remembering }), await read(house));
  },
);
