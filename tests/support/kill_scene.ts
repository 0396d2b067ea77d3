import { deepEqual, equal } from "node:assert/strict";
import type { TestDatabase } from "./database.ts";
import type { Fingerprint, Scene } from "./kill.ts";
import { copyPristine } from "./place.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The day has begun for all that is killed in it. */
export const TODAY = Math.floor(Date.now() / DAY) * DAY;
/** Printed with a failure: the same seed kills at the same moments. */
export const KILL_SEED = Number(Deno.env.get("KILL_SEED") ?? Date.now() % 1_000_000);

/** An empty installation, on the embedded database or on one of its own on the server. */
export async function openScene({ name, open }: TestDatabase): Promise<Scene> {
  const folder = await Deno.makeTempDir({ prefix: "kill-" });
  const { url, close } = name === "postgres"
    ? await open()
    : { url: undefined, close: () => Promise.resolve() };
  if (url === undefined) await copyPristine(`${folder}/data`);
  const settings = {
    ...{ DATA_DIR: `${folder}/data`, LOG_LEVEL: "error", CRON: "off", WATCH: "" },
    ...(url === undefined ? {} : { DATABASE_URL: url }),
  };
  return {
    folder,
    settings,
    async remove() {
      await close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** One installation that is left in peace, and one to be killed. */
export async function withScenes(
  database: TestDatabase,
  work: (calm: Scene, rough: Scene) => Promise<void>,
): Promise<void> {
  const [calm, rough] = [await openScene(database), await openScene(database)];
  try {
    await work(calm, rough);
  } finally {
    await calm.remove();
    await rough.remove();
  }
}

export function same(found: Fingerprint, expected: Fingerprint): void {
  deepEqual(found, expected);
  equal(found.logIsDense, true);
}

/** Rows of minutes from a time on, which determines them. */
export function minutesCsv(from: number, rows: number): string {
  return Array.from({ length: rows }, (_, i) => {
    const price = 100 + Math.sin((from / MINUTE + i) / 50);
    const values = [price, price + 0.5, price - 0.5, price + 0.1].map((v) => v.toFixed(2));
    return [from + i * MINUTE, ...values, (1 + i % 7).toFixed(3)].join(",");
  }).join("\n");
}
