import { z } from "@hono/zod-openapi";
import { Refusal } from "@/domain/decider.ts";
import { EXPECTED_OPEN_TIME, isOpenTime } from "@/domain/klines/open_times.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { IngestOutcome } from "@/domain/ports/kline_ingest.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { FileFormat } from "@/domain/ports/lake.ts";
import type { SpooledFile } from "@/domain/ports/spool.ts";
import type { AppDeps } from "./app_deps.ts";
import { bodyChunks, isGzipped, mediaType } from "./body.ts";
import { endpoint, type Router } from "./endpoint.ts";
import { type AppContext, success } from "./envelope.ts";
import { answerOnce, claimKey, identifyWrite } from "./idempotency.ts";
import { binaryBody, textBody } from "./media.ts";
import { flagParam, timeParam } from "./params.ts";
import type { SeriesDirectory } from "./series_directory.ts";
import { writeMeta, writeMetaWire } from "./write_meta.ts";

type Deps =
  & Pick<AppDeps, "store" | "projections" | "ingest" | "removal" | "spool">
  & Pick<AppDeps, "clock" | "log" | "signal" | "settings">
  & { readonly directory: SeriesDirectory };

const MB = 1024 * 1024;
const MAX_SENT_BYTES = 64 * MB;
const MAX_UNPACKED_BYTES = 512 * MB;

const MEDIA_TYPES = ["application/json", "text/csv", "application/vnd.apache.parquet"] as const;

const FORMATS = {
  "application/json": "json",
  "text/csv": "csv",
  "application/vnd.apache.parquet": "parquet",
} as const satisfies Record<typeof MEDIA_TYPES[number], FileFormat>;

const tag = "Candles";
const params = { id: "Id of the series, e.g. `binance.BTC-USDT.1m`" };
const count = z.int().min(0);

const outcomeWire = z.object({
  ingested: count,
  revised: count,
  unchanged: count,
  held_better: count.openapi({ description: "Not revised: a better source had said it." }),
  rejected_total: count,
  rejected: z.array(z.object({ row: count, reason: z.string() }))
    .openapi({ description: "The first 100; rows count from 1." }),
  position: z.int(),
}).openapi("IngestOutcome");

const row = z.array(z.union([z.number(), z.string(), z.null()]))
  .openapi({ example: [1704067200000, "42283.58", "42298.62", "42261.02", "42298.61", "35.92"] });

/** What the lake reads as JSON; numbers keep every digit, as text or not. */
const rowsBody = z.union([
  z.object({
    columns: z.array(z.string()).optional().openapi({
      description: "Names of the values of a row; without it, the columns in their order.",
      example: KLINE_COLUMNS.slice(0, 6),
    }),
    rows: z.array(row),
  }),
  z.array(row).openapi({ description: "Rows alone, the columns in their order." }),
]);

const removedWire = z.object({ removed: count, position: z.int() });

/** Putting candles into a series and taking them away. */
export function addKlineWriteRoutes(router: Router, deps: Deps): void {
  const { directory, settings, store } = deps;

  async function get(c: AppContext) {
    return await directory.find(c.req.param("id") ?? "");
  }

  endpoint(router, {
    ...{ method: "post", path: "/api/v1/series/{id}/klines", access: "write", tag, params },
    summary: "Put candles into a series",
    description:
      "Up to 64 MB, 512 MB unpacked (Parquet: as its footer says, and 22 million rows); " +
      "`Content-Encoding: gzip` is understood. A value has up to 18 decimals and 20 digits before " +
      "the point; what has more is `bad_number`, never rounded. Answers " +
      "when they can be queried.",
    query: z.strictObject({
      source: z.enum(["api", "import"]).prefault("api")
        .openapi({
          description: "A lower rank never revises a higher one: exchange, import, api.",
        }),
      overwrite: flagParam("Revise candles of a better source, too.").prefault("false"),
    }),
    body: undefined,
    bodyTypes: {
      "application/json": rowsBody,
      "text/csv": textBody("With a header, or the columns in their order"),
      "application/vnd.apache.parquet": binaryBody("A file with these columns"),
    },
    keyed: true,
    answer: {
      ...{ status: 200, description: "What became of the rows" },
      ...{ data: outcomeWire, meta: writeMetaWire },
    },
  }, async (c, { query }) => {
    const { exchange, symbol, interval } = await get(c);
    const format = FORMATS[mediaType(c, MEDIA_TYPES)];
    const file = await spoolBody(c, deps, format);
    try {
      const identity = identifyWrite(c, { body: file.sha256, ...settings });
      const { actor, commandId } = identity;
      const answer = await answerOnce(deps, identity, async () => {
        await claimKey(store, identity);
        const outcome = await deps.ingest.ingestFiles(
          { exchange, symbol, interval },
          [{ path: file.path, format, gzip: false, maxUnpackedBytes: MAX_UNPACKED_BYTES }],
          {
            // Without a key nobody can ask for the same command again.
            ...{ ...query, actor, commandId, isNew: identity.fingerprint === undefined },
            ...{ now: deps.clock.now(), signal: deps.signal },
          },
        ).catch((error) => explainUnreadable(deps, format, error));
        return { ...outcome, data: toOutcomeWire(outcome) };
      });
      return success(c, answer.data, { meta: writeMeta(answer) });
    } finally {
      await file.remove();
    }
  });

  endpoint(router, {
    ...{ method: "delete", path: "/api/v1/series/{id}/klines", access: "write", tag, params },
    summary: "Take candles of a range away",
    description:
      "By an event: the log still knows them. They are crawled again unless `keep_out=true`.",
    query: z.strictObject({
      start: timeParam("First open time, inclusive."),
      end: timeParam("Open times before this."),
      reason: z.string().trim().min(1).max(500).openapi({ description: "Why; kept in the log." }),
      keep_out: flagParam("Never crawl the range again.").prefault("false"),
    }).refine(({ start, end }) => start < end, {
      path: ["end"],
      message: "expected a time after start",
    }).refine(({ start, keep_out: keepOut }) => !keepOut || isOpenTime(start), {
      path: ["start"],
      message: `expected ${EXPECTED_OPEN_TIME}`,
    }).refine(({ end, keep_out: keepOut }) => !keepOut || isOpenTime(end), {
      path: ["end"],
      message: `expected ${EXPECTED_OPEN_TIME}`,
    }),
    body: undefined,
    keyed: true,
    answer: {
      ...{ status: 200, description: "How many went", data: removedWire, meta: writeMetaWire },
    },
  }, async (c, { query }) => {
    const { id, interval } = await get(c);
    const identity = identifyWrite(c, { body: "", ...settings });
    const { actor, commandId } = identity;
    const { start: from, end: to, reason, keep_out: keepOut } = query;
    const answer = await answerOnce(deps, identity, async () => {
      await claimKey(store, identity);
      const { removed, position, visible } = await deps.removal.remove({
        ...{ seriesId: id, interval, from, to, reason, keepOut, actor, commandId },
      });
      return { data: { removed, position }, position, visible };
    });
    return success(c, answer.data, { meta: writeMeta(answer) });
  });
}

async function spoolBody(
  c: AppContext,
  { spool, signal }: Pick<Deps, "spool" | "signal">,
  format: FileFormat,
): Promise<SpooledFile> {
  const gzip = isGzipped(c);
  if (Number(c.req.header("content-length") ?? 0) > MAX_SENT_BYTES) {
    throw new Refusal("payload_too_large", "Cannot take more than 64 MB sent: send it in parts");
  }
  const file = await spool.write(ReadableStream.from(bodyChunks(c)), {
    ...{ extension: format, gzip, signal },
    ...{ maxSentBytes: MAX_SENT_BYTES, maxUnpackedBytes: MAX_UNPACKED_BYTES },
  });
  if (!file.blank) return file;
  await file.remove();
  const code = format === "json" ? "malformed_json" : "validation_error";
  throw new Refusal(code, "Cannot read candles: the body is empty");
}

/** A file that the engine cannot read, ever, is the fault of who sent it; its own words are for the log. */
function explainUnreadable({ log }: Pick<Deps, "log">, format: FileFormat, error: unknown): never {
  const unreadable = error instanceof AdapterError && error.port === "lake" && !error.retryable &&
    error.op.startsWith("stage");
  if (!unreadable) throw error;
  log.warn("refused candles that cannot be read", { format, error });
  const kind = { csv: "CSV", json: "JSON", freqtrade: "JSON", parquet: "Parquet" }[format];
  throw new Refusal("validation_error", `Cannot read the candles: the ${kind} is damaged`);
}

function toOutcomeWire(outcome: IngestOutcome): z.infer<typeof outcomeWire> {
  return {
    ingested: outcome.ingested,
    revised: outcome.revised,
    unchanged: outcome.unchanged,
    held_better: outcome.heldBetter,
    rejected_total: outcome.rejectedTotal,
    rejected: outcome.rejected.map(({ row, reason }) => ({ row, reason })),
    position: outcome.position,
  };
}
