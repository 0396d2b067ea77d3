import { and, asc, eq, gt } from "drizzle-orm";
import type { Blobs, LocalBlob } from "@/events/blobs/blobs.ts";
import type { Recorded } from "@/events/define.ts";
import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { isDamage } from "@/domain/damaged_file.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { Cache } from "@/domain/ports/cache.ts";
import type { KlinePage, KlineQuery, KlineReader } from "@/domain/ports/kline_reader.ts";
import type { Lake } from "@/domain/ports/lake.ts";
import { periodRange } from "@/domain/klines/period.ts";
import { loadCheckpoints } from "./checkpoints.ts";
import type { Db } from "./db.ts";
import { hotRowsJson, hotRowsText, PeriodFiled } from "./hot_rows.ts";
import { KLINES_CHECKPOINT } from "./klines.ts";
import { irregularTimes } from "./irregular_times.ts";
import { klinePeriodsTable } from "./kline_periods.ts";
import { type HeldPeriod, narrowPlan, planRead, type ReadPlan } from "./kline_plan.ts";

interface Deps {
  readonly database: Database;
  readonly db: Db;
  readonly lake: Pick<Lake, "read">;
  readonly blobs: Pick<Blobs, "local">;
  readonly cache: Cache<KlinePage>;
}

/** A reader whose answers are remembered until `changed` says that candles have changed. */
export interface CachedKlineReader extends KlineReader {
  /** Events that the read models have applied; undefined when another instance moved them on. */
  changed(events: readonly Recorded[] | undefined): void;
}

type PageDeps = Deps & { readonly reach: RowsReach };

const MAX_PLANS = 10;

/** Bars read beyond the page: some are missing, one is cut off, one shows that there is more. */
const SPARE_BARS = 8;
const WIDER = 4;

/** Takes a period's file wherever it has one, hot rows elsewhere, and lets the engines build the bytes. */
export function createKlineReader(deps: Deps): CachedKlineReader {
  // A series' stamp is part of its keys: raising it forgets what was remembered of the series.
  const stamps = new Map<string, number>();
  const plans = new Map<string, { stamp: string; periods: readonly HeldPeriod[] }>();
  const pageDeps: PageDeps = { ...deps, reach: createRowsReach(deps.database) };
  let generation = 0;

  function stampOf(seriesId: string): string {
    return `${generation}.${stamps.get(seriesId) ?? 0}`;
  }

  async function heldPeriods(seriesId: string): Promise<readonly HeldPeriod[]> {
    const stamp = stampOf(seriesId);
    const known = plans.get(seriesId);
    if (known?.stamp === stamp) return known.periods;
    const periods = await selectPeriods(deps.db, seriesId);
    plans.set(seriesId, { stamp, periods });
    return periods;
  }

  /** Whether a blob that cannot be read is a file of the plan alone: the series takes another one now. */
  async function isOutdated(error: unknown, seriesId: string): Promise<boolean> {
    if (!isDamage(error)) return false;
    const periods = await selectPeriods(deps.db, seriesId);
    return periods.every(({ fileSha256 }) => fileSha256 !== error.sha256);
  }

  /**
   * A plan from before a period was filed, or filed anew, is made anew: rows and replaced files may go
   * as soon as there is another file.
   */
  async function readPlanned(query: KlineQuery, signal?: AbortSignal): Promise<KlinePage> {
    for (let attempt = 1;; attempt++) {
      try {
        return await readPage(pageDeps, {
          ...{ query, held: await heldPeriods(query.seriesId), signal },
        });
      } catch (error) {
        const isOld = error instanceof PeriodFiled ||
          attempt === 1 && await isOutdated(error, query.seriesId);
        if (!isOld || attempt >= MAX_PLANS) throw error;
        plans.delete(query.seriesId);
      }
    }
  }

  return {
    changed(events) {
      if (events === undefined) generation++;
      for (const seriesId of (events ?? []).flatMap(seriesOf)) {
        stamps.set(seriesId, (stamps.get(seriesId) ?? 0) + 1);
      }
    },
    async read(query, signal) {
      const key = `${stampOf(query.seriesId)}|${JSON.stringify(query)}`;
      const remembered = deps.cache.get(key);
      if (remembered !== undefined) return { ...remembered, cached: true };
      const read = await readPlanned(query, signal);
      const page = { ...read, irregular: irregularTimes(query, read) };
      if (key.startsWith(`${stampOf(query.seriesId)}|`)) deps.cache.set(key, page);
      return page;
    },
  };
}

/** Whose pages may be others now: candles changed, or a file had rotted, perhaps before it was read. */
function seriesOf({ type, data }: Recorded): readonly string[] {
  if (type.startsWith("Klines")) return [trusted<{ seriesId: string }>(data).seriesId];
  if (type !== "ArchiveFilesVerified") return [];
  const { damaged, whole } = trusted<Record<"damaged" | "whole", { seriesId: string }[]>>(data);
  return [...damaged, ...whole].map(({ seriesId }) => seriesId);
}

async function selectPeriods(db: Db, seriesId: string): Promise<HeldPeriod[]> {
  const { period, candles, firstOpenTime, lastOpenTime, fileSha256, position } = klinePeriodsTable;
  const columns = { period, candles, firstOpenTime, lastOpenTime, fileSha256, position };
  const rows = await db.select(columns)
    .from(klinePeriodsTable)
    .where(and(eq(klinePeriodsTable.seriesId, seriesId), gt(candles, 0))).orderBy(asc(period));
  return trusted<HeldPeriod[]>(rows);
}

/** How far the rows are, as the database last said: they never go back. */
type RowsReach = (position: number) => Promise<boolean>;

function createRowsReach(database: Database): RowsReach {
  let reached = 0;
  return async (position) => {
    if (position <= reached) return true;
    const found = await loadCheckpoints(database, [KLINES_CHECKPOINT]);
    reached = Math.max(reached, found.get(KLINES_CHECKPOINT)?.position ?? 0);
    return position <= reached;
  };
}

/** A period may be shown before its rows are: a new version of their table begins empty. */
async function requireRows(
  reach: RowsReach,
  { seriesId }: Pick<KlineQuery, "seriesId">,
  { periods }: ReadPlan,
): Promise<void> {
  const hot = periods.filter(({ fileSha256 }) => fileSha256 === null);
  const newest = hot.reduce((last, { position }) => Math.max(last, position), 0);
  if (await reach(newest)) return;
  throw new AdapterError("Cannot read these candles yet: their rows are being written", {
    port: "projections",
    op: `${KLINES_CHECKPOINT} ${seriesId}`,
    retryable: true,
    hint: "GET /admin/projections shows how far they are",
  });
}

interface PageRequest {
  readonly query: KlineQuery;
  readonly held: readonly HeldPeriod[];
  readonly signal: AbortSignal | undefined;
}

async function readPage(
  deps: PageDeps,
  { query, held, signal }: PageRequest,
): Promise<KlinePage> {
  const seen = query.fill === "previous"
    ? await widened(deps, { query, held, signal })
    : { start: query.start, end: query.end };
  const plan = planRead({ ...query, ...seen }, held);
  await requireRows(deps.reach, query, plan);
  const hotOnly = plan.periods.every(({ fileSha256 }) => fileSha256 === null);
  const plain = query.interval === query.stored && query.format === "arrays" &&
    query.fill === "none";
  if (hotOnly && plain) return await readHot(deps.database, query, plan);
  if (plan.periods.every(({ fileSha256 }) => fileSha256 !== null)) {
    return await readParts(deps, { query, plan, signal });
  }
  // Rows cost by their number: no more of them than should make the page, and more where it is short.
  for (let bars = query.limit + SPARE_BARS;; bars *= WIDER) {
    const part = narrowPlan(plan, query, bars);
    const page = await readParts(deps, { query, plan: part, signal });
    const whole = part.from === plan.from && part.to === plan.to;
    if (whole || page.more) return page;
  }
}

async function readParts(
  deps: Deps,
  { query, plan, signal }: Omit<PageRequest, "held"> & { readonly plan: ReadPlan },
): Promise<KlinePage> {
  const files: LocalBlob[] = [];
  try {
    const hot: string[] = [];
    for (const { period, fileSha256 } of plan.periods) {
      if (fileSha256 === null) hot.push(await hotPart(deps.database, { query, plan, period }));
      else files.push(await deps.blobs.local(fileSha256));
    }
    const { stored, interval, offsetMs, limit, order, fill, partial, format, numbers } = query;
    const { from, to, keep, completeTo } = plan;
    const result = await deps.lake.read({
      files: files.map(({ path }) => path),
      hot: hot.length === 0 ? undefined : hot.join(""),
      ...{ stored, interval, offsetMs, from, to, limit, order, keep, fill, partial, completeTo },
      ...{ format, numbers },
      ...(fill === "none" ? {} : { shown: [query.start ?? -Infinity, query.end ?? Infinity] }),
    }, signal);
    return { ...result, cached: false };
  } catch (error) {
    const isUnreadable = error instanceof AdapterError && error.port === "lake" && !error.retryable;
    if (isUnreadable) await refuseRotten(deps.blobs, plan);
    throw error;
  } finally {
    files.forEach((file) => file.release());
  }
}

/** Throws BlobCorrupt where a file of the plan is no longer what it was when it was verified. */
async function refuseRotten(blobs: Deps["blobs"], { periods }: ReadPlan): Promise<void> {
  for (const { fileSha256 } of periods) {
    if (fileSha256 !== null) (await blobs.local(fileSha256, { anew: true })).release();
  }
}

/** The bounds with the bar before and the bar after them: a hole at an edge is filled as one inside. */
async function widened(
  deps: PageDeps,
  { query, held, signal }: PageRequest,
): Promise<Pick<KlineQuery, "start" | "end">> {
  const { start, end } = query;
  const neighbour = async (place: Pick<KlineQuery, "start" | "end" | "order">) => {
    const one: KlineQuery = { ...query, ...place, limit: 1, fill: "none", format: "arrays" };
    return (await readPage(deps, { query: one, held, signal })).firstOpenTime;
  };
  const before = start === undefined
    ? undefined
    : await neighbour({ start: undefined, end: start, order: "desc" });
  const after = end === undefined
    ? undefined
    : await neighbour({ start: end, end: undefined, order: "asc" });
  return { start: before ?? start, end: after === undefined ? end : after + 1 };
}

async function readHot(database: Database, query: KlineQuery, plan: ReadPlan): Promise<KlinePage> {
  const { seriesId, interval, limit, order, numbers } = query;
  const { from, to, keep } = plan;
  const page = await hotRowsJson(database, {
    ...{ seriesId, interval, limit, order, numbers, from, to, keep },
    periods: plan.periods.map(({ period }) => period),
  });
  const { json, ...facts } = page;
  return { ...facts, bytes: new TextEncoder().encode(json), cached: false };
}

async function hotPart(
  database: Database,
  { query, plan, period }: { query: KlineQuery; plan: ReadPlan; period: string },
): Promise<string> {
  const [from, to] = periodRange(query.stored, period);
  return await hotRowsText(database, {
    seriesId: query.seriesId,
    from: Math.max(from, plan.from),
    to: Math.min(to, plan.to),
    periods: [period],
  });
}
