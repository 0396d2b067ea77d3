import { deepEqual, equal } from "node:assert/strict";
import { databases } from "../support/database.ts";
import {
  fingerprint,
  killRepeatedly,
  newFiles,
  runToEnd,
  seeded,
  SPARE_LIVES,
} from "../support/kill.ts";
import { KILL_SEED, minutesCsv, same, TODAY, withScenes } from "../support/kill_scene.ts";

const SERIES = "binance:BTC/USDT:1m";
const DAY = 86_400_000;
const ROWS_A_FILE = 600;
const IMPORT_KILLS = 7;
const REBUILD_KILLS = 6;

for (const database of databases()) {
  const { name } = database;

  Deno.test(`import and rebuild killed at random moments end as undisturbed ones on ${name} (seed ${KILL_SEED})`, () =>
    withScenes(database, async ({ folder, settings: calm }, { settings: rough }) => {
      const random = seeded(KILL_SEED);
      const files = await writeFiles(folder);
      await runToEnd(["import", SERIES, ...files], calm);
      const expected = await fingerprint(calm, SERIES);
      equal(expected.rows, files.length * ROWS_A_FILE);

      // Each life has one file more to take in: it dies after it has written the first of it.
      const imports = await killRepeatedly({
        args: (life) => ["import", SERIES, ...files.slice(0, life + 1)],
        ...{ settings: rough, count: IMPORT_KILLS, waitMs: () => 100 * random() },
        atWork: () => newFiles(rough),
      });
      await runToEnd(["import", SERIES, ...files], rough);
      same(await fingerprint(rough, SERIES), expected);

      // Between the first read model that is told as made and the last one.
      const rebuilds = await killRepeatedly({
        args: () => ["rebuild", "--all"],
        ...{ settings: rough, count: REBUILD_KILLS, waitMs: () => 40 * random() },
        atWork() {
          const lines = 1 + Math.floor(4 * random());
          return (said) => said.split("rebuild ").length > lines;
        },
      });
      same(await fingerprint(rough, SERIES), expected);
      await runToEnd(["rebuild", "--all"], rough);
      same(await fingerprint(rough, SERIES), expected);
      deepEqual([imports, rebuilds], [IMPORT_KILLS, REBUILD_KILLS]);
    }));
}

/** Half of the months lie in files, half in hot rows; every batch is too large for its event. */
async function writeFiles(folder: string): Promise<string[]> {
  const months = Array.from({ length: IMPORT_KILLS + SPARE_LIVES }, (_, n) => n);
  return await Promise.all(months.map(async (n) => {
    const from = n % 2 === 0 ? Date.UTC(2019, n, 3) : TODAY - (30 + 15 * n) * DAY;
    const path = `${folder}/part-${n}.csv`;
    await Deno.writeTextFile(path, minutesCsv(from, ROWS_A_FILE));
    return path;
  }));
}
