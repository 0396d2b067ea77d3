import { z } from "@hono/zod-openapi";
import { INTERVALS } from "@/domain/klines/interval.ts";

const ms = z.int().nullable();
const entry = { name: z.string(), url: z.url() };

/** A folder of the lake on the wire. */
export const folderWire = z.object({
  path: z.string().openapi({ example: "binance/BTC-USDT/1m/" }),
  folders: z.array(z.object(entry)),
  files: z.array(z.object({
    ...{ ...entry, rows: z.int().nullable(), bytes: z.int(), sha256: z.string() },
    ...{ first_open_time: ms, last_open_time: ms },
  })),
}).openapi("LakeFolder");

/** What `lakeManifest` makes. */
export const manifestWire = z.object({
  version: z.literal(1),
  position: z.int().openapi({ description: "Of the last event of all these periods." }),
  series: z.array(z.object({
    ...{ id: z.string(), exchange: z.string(), symbol: z.string(), interval: z.enum(INTERVALS) },
    ...{ simulated: z.boolean(), path: z.string(), rows: z.int(), bytes: z.int() },
    periods: z.array(z.object({
      period: z.string().openapi({ example: "2020-03" }),
      path: z.string().openapi({
        description: "Below the lake.",
        example: "binance/BTC-USDT/1m/2020-03.parquet",
      }),
      ...{ rows: z.int(), first_open_time: ms, last_open_time: ms },
      ...{ sha256: z.string(), bytes: z.int() },
      scale: z.object({ price: z.int(), volume: z.int(), quote: z.int() })
        .openapi({ description: "Decimals that its columns hold." }),
      position: z.int().openapi({ description: "Of the period's last event." }),
      revisions: z.object({ path: z.string(), sha256: z.string(), bytes: z.int() }).optional()
        .openapi({ description: "Candles that were superseded or removed." }),
    })),
  })),
}).openapi("LakeManifest");
