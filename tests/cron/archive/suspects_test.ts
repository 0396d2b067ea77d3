import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { archive, archiveTest, minutes, put, read } from "./archive_house.ts";
import { fileOf, rot } from "./damage.ts";

const JAN = Date.UTC(2024, 0, 1);
const FEB = Date.UTC(2024, 1, 1);
const MAR = Date.UTC(2024, 2, 1);

archiveTest(
  "verify: a run over everything finds what is missing, cut short or met by a reader, between rounds",
  async (house) => {
    for (const month of [JAN, FEB, MAR]) await put(house, minutes(month, 3));
    // The second one reads all files, and its round has ended.
    for (let run = 0; run < 2; run++) await archive(house, { hotDays: 1 });
    const before = await read(house);
    const [january, february, march] = await Promise.all([0, 1, 2].map((at) => fileOf(house, at)));
    await Deno.remove(january ?? "");
    await Deno.chmod(february ?? "", 0o644);
    await Deno.truncate(february ?? "", 100);
    await rot(march ?? "");
    const told = String(await archive(house, { hotDays: 1 }).catch(String));
    match(told, /2024-01 and 1 more: .*is missing; it was written again/);

    // Says that what the last one has failed for is over.
    equal((await archive(house, { hotDays: 1 })).problems, 0);
    const head = await house.store.head();
    await archive(house, { hotDays: 1 });
    equal(await house.store.head(), head, "of the same size, it waits for the round");
    await rejects(read(house, { start: MAR }), /2024-03: its file is damaged/);
    await rejects(archive(house, { hotDays: 1 }), /2024-03: .*bytes hash to.*written again/);
    deepEqual([...house.archiving.damagedReads], []);
    equal(await read(house), before);
    equal((await archive(house, { hotDays: 1 })).problems, 0);
  },
);
