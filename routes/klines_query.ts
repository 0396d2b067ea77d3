import { z } from "@hono/zod-openapi";
import { INTERVALS } from "@/domain/klines/interval.ts";
import { countParam, flagParam, timeParam } from "./params.ts";

export const MAX_KLINES = 50_000;

/** What `GET /api/v1/klines` understands. */
export const klinesQuery = z.strictObject({
  exchange: z.string().min(1).optional()
    .openapi({
      description: "May be left out when one venue holds the symbol.",
      example: "binance",
    }),
  symbol: z.string().min(1).openapi({
    description: "`BTC/USDT` or `BTCUSDT`.",
    example: "BTC/USDT",
  }),
  interval: z.enum(INTERVALS).openapi({ description: "Stored, or a multiple of a stored one." }),
  start: timeParam("First open time, inclusive. Without it: the latest candles.").optional(),
  end: timeParam("Open times before this.").optional(),
  limit: countParam({ min: 1, max: MAX_KLINES, byDefault: 500, description: "Candles at most." }),
  order: z.enum(["asc", "desc"]).prefault("asc").openapi({ description: "By open time." }),
  fill: z.enum(["none", "previous"]).prefault("none")
    .openapi({ description: "previous: gaps become candles without volume at the last close." }),
  partial: flagParam(
    "Also the last candle of a larger interval while its time runs, made of what is stored.",
  ).prefault("false"),
  format: z.enum(["arrays", "objects", "csv", "parquet"]).prefault("arrays")
    .openapi({ description: "Columns of arrays are in `meta.columns`." }),
  numbers: z.enum(["number", "string"]).prefault("number")
    .openapi({ description: "string: exact decimals as text." }),
  cursor: z.string().max(200).optional()
    .openapi({ description: "`meta.next_cursor` of the page before, with the same query." }),
}).refine(({ start, end }) => start === undefined || end === undefined || start < end, {
  path: ["end"],
  message: "expected a time after start",
});

export type KlinesRequest = z.output<typeof klinesQuery>;
