import type { MarketReport, SourceAnswer } from "@/domain/ports/market_source.ts";
import type { SourceName } from "@/domain/ports/source_names.ts";
import type { KlineIngest } from "@/domain/ports/kline_ingest.ts";
import type { Blobs } from "@/events/blobs/blobs.ts";
import type { MarketReportEvent, MarketReportRow } from "@/events/catalog/market_report.ts";
import { trusted } from "@/events/trust.ts";
import type { EventStore } from "@/events/store/store.ts";
import { uuidV5 } from "@/events/uuid.ts";
import type { StoredParts } from "@/domain/ports/source_error.ts";
import type { JobReport } from "../job.ts";
import { changedRows, type ChangedRowsDeps } from "./changed_rows.ts";
import { ingestDailies } from "../ingest_dailies.ts";

export interface RecordDeps extends ChangedRowsDeps {
  readonly store: EventStore;
  readonly blobs: Pick<Blobs, "put">;
  readonly ingest: KlineIngest;
}

/** As many as fit in one event. */
const MAX_ROWS = 500;

interface Crawl {
  readonly source: SourceName;
  readonly runId: string;
  readonly signal: AbortSignal;
  /** When it began to ask, epoch ms: of two crawls the later one's words stay. */
  readonly askedAt: number;
}

/**
 * Keeps what a source answered: the answer as a blob, its rows as events, its dailies as candles. An
 * attempt that comes after one which died halfway finds what that one recorded and adds the rest.
 */
export async function recordAnswer(
  deps: RecordDeps,
  { rows, series, raw, sizeBytes }: SourceAnswer,
  crawl: Crawl,
): Promise<JobReport & StoredParts> {
  const { source, runId, signal, askedAt } = crawl;
  const dailies = series.length === 0 ? { rows: 0 } : await ingestDailies(deps.ingest, series, {
    // What was asked for before a session was over is not final, however long the answer took.
    ...{ actor: `job:${source}`, commandId: runId, now: askedAt, signal },
  });
  const changed = rows.length === 0 ? 0 : await recordRows(deps, { rows, raw }, crawl);
  return {
    ...dailies,
    // Of the reports all that it said, of the candles those that were stored.
    ...{ rows: rows.length + dailies.rows, bytes: sizeBytes },
    ...{ changedReports: changed, unchangedReports: rows.length - changed },
  };
}

/** How many of them were not held in the same words: those alone are recorded. */
async function recordRows(
  deps: RecordDeps,
  { rows, raw }: Pick<SourceAnswer, "rows" | "raw">,
  { source, runId, signal, askedAt: capturedAt }: Crawl,
): Promise<number> {
  const { store, blobs } = deps;
  const answer = await blobs.put(raw.bytes);
  const stream = `market_report-${source}-${new Date(capturedAt).toISOString().slice(0, 7)}`;
  const changed = await changedRows(deps, source, rows.map(rowOf));
  // The answer is kept also where it says nothing new.
  for (let from = 0; from === 0 || from < changed.length; from += MAX_ROWS) {
    signal.throwIfAborted();
    const part = changed.slice(from, from + MAX_ROWS);
    const events: MarketReportEvent[] = [{
      type: "MarketReportCrawled",
      data: { source, runId, capturedAt, answer, rows: part },
    }];
    // An attempt after one that died halfway has other rows left.
    const commandId = uuidV5(runId, `${answer.sha256} ${JSON.stringify(part)}`);
    await store.append([{ stream, expected: "any", events }], {
      actor: `job:${source}`,
      commandId,
    });
  }
  return changed.length;
}

function rowOf(
  { kind, exchange, product, contract, reportDate, values }: MarketReport,
): MarketReportRow {
  return {
    kind,
    exchange,
    product,
    contract: contract ?? null,
    reportDate,
    values: trusted(values),
  };
}
