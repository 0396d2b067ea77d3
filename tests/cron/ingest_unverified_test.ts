import { deepEqual, equal } from "node:assert/strict";
import type { KlineEvent } from "@/events/catalog/klines.ts";
import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { type Candle, toRow } from "@/domain/klines/candle.ts";
import { periodOf } from "@/domain/klines/period.ts";
import { seriesId } from "@/domain/klines/series_ref.ts";
import { candle } from "@/tests/support/candles.ts";
import { databases } from "@/tests/support/database.ts";
import { type House, openHouse } from "@/tests/support/house.ts";
import { around } from "@/tests/support/projections.ts";

const SERIES = { exchange: "kraken", symbol: "BTC/USDT", interval: "1m" } as const;
const ID = seriesId(SERIES);
const OPEN_TIME = Math.floor(Date.now() / 60_000 - 30) * 60_000;
const PERIOD = periodOf("1m", OPEN_TIME);
const STREAM = `klines-${ID}-${PERIOD}`;

const bar = (close: string) => candle({ openTime: OPEN_TIME, close });
const doer = () => ({ actor: "test", commandId: crypto.randomUUID() });
const write = ({ ingest }: House, bar: Candle) =>
  ingest.ingestCandles(SERIES, [bar], { ...doer(), source: "api", isNew: true });

async function held({ database }: House): Promise<unknown> {
  return await database.values("select open_time, close::text from klines_v1");
}

/** Its read models move only while the gate is open. */
function gated(database: Database): { database: Database; close(): void; open(): void } {
  let gate: PromiseWithResolvers<void> | undefined;
  return {
    database: around(database, async (sql, run) => {
      if (/update checkpoint|for share/.test(sql)) await gate?.promise;
      return await run();
    }),
    close: () => gate = Promise.withResolvers(),
    open: () => (gate?.resolve(), gate = undefined),
  };
}

for (const { name, open } of databases()) {
  for (
    const [title, event] of trusted<[string, KlineEvent][]>([
      ["was deleted", {
        type: "KlinesDeleted",
        data: {
          ...{ seriesId: ID, period: PERIOD, from: OPEN_TIME, to: OPEN_TIME + 60_000, rows: 1 },
          ...{ reason: "test", keepOut: false, blob: null, held: [] },
          ...{ firstOpenTime: null, lastOpenTime: null },
        },
      }],
      ["was revised", {
        type: "KlinesRecorded",
        data: {
          ...{ seriesId: ID, period: PERIOD, source: "api", from: OPEN_TIME, to: OPEN_TIME + 1 },
          ...{ ingested: 0, revised: 1, unchanged: 0, heldBetter: 0, added: [], blob: null },
          candles: [toRow(bar("10.5"))],
        },
      }],
    ])
  ) {
    Deno.test(`a candle that ${title}, not yet shown, is not taken for held on ${name}`, async () => {
      const opened = await open();
      const folder = await Deno.makeTempDir();
      const gate = gated(opened.database);
      const house = await openHouse(gate.database, { folder });
      try {
        await write(house, bar("11"));
        gate.close();
        await house.store.append([{ stream: STREAM, expected: 1, events: [event] }], doer());
        const writing = write(house, bar("11"));
        // Whoever trusts what is shown has answered by now; the others wait for the read models.
        await Promise.race([writing, house.store.head().then(() => house.series.list())]);
        gate.open();
        const { ingested, revised } = await writing;
        equal(ingested + revised, 1);
        await house.follower.waitFor(await house.store.head(), 20_000);
        deepEqual(await held(house), [[OPEN_TIME, "11"]]);
      } finally {
        gate.open();
        await house.close();
        await opened.close();
        await Deno.remove(folder, { recursive: true });
      }
    });
  }
}
