import { z } from "zod";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import { Refusal, type RefusalCode } from "@/domain/decider.ts";
import { isInterval, slotEnd } from "@/domain/klines/interval.ts";
import { formatSeries, seriesId } from "@/domain/klines/series_ref.ts";
import {
  addImportCounts,
  type ImportCounts,
  NOTHING_IMPORTED,
} from "@/domain/klines/import_counts.ts";
import { selectSeries } from "@/domain/klines/select_series.ts";
import type { Clock } from "@/domain/ports/clock.ts";
import type {
  CandlePage,
  HeldSeries,
  ImportRequest,
  ImportWork,
  Installation,
  Orphan,
  PageQuery,
} from "@/domain/ports/installation.ts";
import { createApiClient } from "./api_client.ts";
import { type CandlePart, candleParts, rowTexts } from "./candle_parts.ts";
import { followJob } from "./follow_job.ts";

export interface RunningOptions {
  /** Origin of its API. */
  readonly address: string;
  /** Its admin token. */
  readonly token: string;
  readonly clock: Clock;
  /** Finds blobs that are not among the names of the log. */
  readonly findOrphans: (named: AsyncIterable<string>) => Promise<readonly Orphan[]>;
}

const EVENTS_PAGE = 1_000;

const seriesSchema = z.object({
  id: z.string(),
  exchange: z.string(),
  symbol: z.string(),
  interval: z.string().refine(isInterval),
  simulated: z.boolean(),
  candles: z.number(),
  first_open_time: z.number().nullable(),
  last_open_time: z.number().nullable(),
});

const ingestSchema = z.object({
  ingested: z.number(),
  revised: z.number(),
  unchanged: z.number(),
  held_better: z.number(),
  rejected_total: z.number(),
  rejected: z.array(z.object({ row: z.number(), reason: z.string() })),
});

const eventsSchema = z.array(z.object({ position: z.number(), data: z.unknown() }));
const healthSchema = z.array(z.object({ source: z.string() }));

const projectionsSchema = z.array(z.object({ name: z.string() }));

/** The installation that runs on the data directory, through its API. */
export function openRunningInstallation(options: RunningOptions): Installation {
  const { clock, findOrphans } = options;
  const client = createApiClient(options);

  /** What is held, as the API shows it. */
  async function listSeries() {
    const data = await client.data(
      { method: "GET", path: "/api/v1/series" },
      z.array(seriesSchema),
    );
    return data;
  }

  /** Part after part; a part that was sent twice acts once. */
  async function importFiles(
    { series, files, overwrite }: ImportRequest,
    { signal, progress, reached, added }: ImportWork,
  ): Promise<ImportCounts> {
    const query = new URLSearchParams({ source: "import", overwrite: String(overwrite) });
    const path = `/api/v1/series/${encodeURIComponent(seriesId(series))}/klines?${query}`;
    const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    progress.start(`import ${formatSeries(series)}`, { unit: "bytes read", total });
    let counts = NOTHING_IMPORTED;
    for (const file of files) {
      reached(file);
      for await (const part of candleParts(file)) {
        signal.throwIfAborted();
        const headers = new Headers({ "content-type": part.contentType });
        if (part.gzip) headers.set("content-encoding", "gzip");
        const body = { bytes: part.bytes, headers };
        const answer = await client.data({ method: "POST", path, body, signal }, ingestSchema)
          .catch((error: unknown) => {
            // What fails halfway may have taken some of it in: nobody can say that nothing was.
            if (counts.ingested === 0 && !isRefusedWhole(error)) added(undefined);
            throw error;
          });
        counts = addImportCounts(counts, await toCounts(answer, part));
        added(answer.ingested);
        progress.advance(part.readBytes);
      }
    }
    progress.finish();
    return counts;
  }

  /** The headers tell what the bytes hold. */
  async function readPage(query: PageQuery, signal: AbortSignal): Promise<CandlePage> {
    const { series: { exchange, symbol, interval }, stored, from, to, limit, format } = query;
    const asked = { exchange, symbol, interval, start: from, end: to, limit, format };
    const search = Object.entries(asked).map(([name, value]) => [name, String(value)]);
    const path = `/api/v1/klines?${new URLSearchParams(search)}`;
    const response = await client.send({ method: "GET", path, signal });
    const bytes = new Uint8Array(await response.arrayBuffer());
    refuseOther(stored, response.headers.get("x-stored-interval"));
    const rows = Number(response.headers.get("x-rows"));
    const last = Number(response.headers.get("x-last-open-time"));
    const more = response.headers.has("x-next-cursor");
    return { bytes, rows, next: more ? last + 1 : undefined };
  }

  /** Every SHA-256 that an event names. */
  async function* namedBlobs(signal: AbortSignal): AsyncGenerator<string> {
    for (let after = 0;;) {
      const path = `/api/v1/events?after=${after}&limit=${EVENTS_PAGE}`;
      const events = await client.data({ method: "GET", path, signal }, eventsSchema);
      for (const { data } of events) yield* hashesIn(data);
      const last = events.at(-1);
      if (last === undefined) return;
      after = last.position;
    }
  }

  return {
    place: "running",
    async addSeries(series) {
      const id = seriesId(series);
      const held = (await listSeries()).find((one) => one.id === id);
      if (held !== undefined) return toHeld(held);
      const { exchange, symbol, interval } = series;
      const body = json({ exchange, symbol, interval, watch: false });
      return toHeld(
        await client.data({ method: "POST", path: "/api/v1/series", body }, seriesSchema),
      );
    },
    findSeries: async (series) => toHeld(selectSeries(await listSeries(), series)),
    importFiles,
    crawl({ series, since, until, refetch }, work) {
      const body = json({ series: formatSeries(series), since, until, refetch });
      return followJob(client, { path: "/admin/crawl", body, clock }, work);
    },
    readPage,
    async projections() {
      const path = "/admin/projections";
      const all = await client.data({ method: "GET", path }, projectionsSchema);
      return [...new Set(all.map(({ name }) => name))];
    },
    rebuild(projection, work) {
      const path = `/admin/projections/${encodeURIComponent(projection)}/rebuild`;
      return followJob(client, { path, clock }, work);
    },
    archive({ series, before, dryRun }, work) {
      const named = series.length === 0 ? {} : { series: series.map(formatSeries) };
      const body = json({ ...named, before, dry_run: dryRun });
      return followJob(client, { path: "/admin/archive/run", body, clock }, work);
    },
    async jobs() {
      const path = "/admin/crawler/health";
      return (await client.data({ method: "GET", path }, healthSchema)).map((one) => one.source);
    },
    runJob(name, work) {
      const path = `/admin/crawler/${encodeURIComponent(name)}/run`;
      return followJob(client, { path, clock }, work);
    },
    orphans: ({ signal }) => findOrphans(namedBlobs(signal)),
  };
}

/** Refused before any candle was looked at. */
function isRefusedWhole(error: unknown): boolean {
  return error instanceof Refusal && WHOLE.includes(error.code);
}

const WHOLE: readonly RefusalCode[] = [
  ...["validation_error", "malformed_json", "payload_too_large"] as const,
  ...["unsupported_media_type", "unauthenticated", "forbidden", "not_found"] as const,
];

async function toCounts(
  answer: z.infer<typeof ingestSchema>,
  part: CandlePart,
): Promise<ImportCounts> {
  const { held_better: heldBetter, rejected_total: rejectedTotal, rejected, ...same } = answer;
  const texts = rejected.length === 0 ? [] : await rowTexts(part);
  return {
    ...same,
    ...{ heldBetter, rejectedTotal },
    rejected: rejected.map((one) => ({ ...one, values: texts[one.row - 1] })),
  };
}

function toHeld(row: z.infer<typeof seriesSchema>): HeldSeries {
  const { id, exchange, symbol, interval, simulated, candles } = row;
  const { first_open_time: first, last_open_time: last } = row;
  const range = first === null || last === null
    ? undefined
    : [first, slotEnd(interval, last)] satisfies HeldSeries["range"];
  return { id, series: { exchange, symbol, interval }, simulated, candles, range };
}

/** Every `sha256` at any depth of an event. */
function* hashesIn(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (name === "sha256" && typeof inner === "string") yield inner;
    else yield* hashesIn(inner);
  }
}

function json(body: unknown) {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  return { bytes, headers: { "content-type": "application/json" } };
}

/** Pages of two stored series do not make one file. */
function refuseOther(stored: string, made: string | null): void {
  if (made === null || made === stored) return;
  throw new AdapterError(
    `Cannot read on: stored ${made} candles have taken the place of ${stored}`,
    {
      port: "installation",
      op: "read candles",
      retryable: true,
      hint: "A series was added meanwhile: run it again, which takes everything from there",
    },
  );
}
