import { equal, match, rejects } from "node:assert/strict";
import { createMemoryCache } from "@/adapters/cache/memory.ts";
import type { KlinePage } from "@/domain/ports/kline_reader.ts";
import { BlobMissing } from "@/events/blobs/blobs.ts";
import { createKlineReader } from "@/projections/kline_reader.ts";
import {
  archive,
  archiveTest,
  DAY,
  MINUTE,
  minutes,
  periods,
  put,
  read,
} from "../cron/archive/archive_house.ts";

const JAN = Date.UTC(2024, 0, 1);
const NOW = Date.now();

/** That reads from the house as it was told last, and remembers no page. */
archiveTest("kline reader plans anew when the file it wanted was replaced", async (house) => {
  const { database, blobs } = house.archiving;
  const cache = createMemoryCache<KlinePage>({ maxBytes: 0, sizeOf: () => 1 });
  const stale = { ...house, reader: createKlineReader({ ...house.archiving, database, cache }) };
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
