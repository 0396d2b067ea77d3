import { widerScale } from "@/domain/klines/scale.ts";
import { nextSlot, slotStart } from "@/domain/klines/interval.ts";
import { type Candle, fromRow, SOURCE_RANK } from "@/domain/klines/candle.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type {
  CompareOptions,
  Comparison,
  FileFacts,
  HeldCandles,
  Scale,
} from "@/domain/ports/lake.ts";
import type { KlineRow } from "@/events/catalog/klines.ts";
import { trusted } from "@/events/trust.ts";
import { VERDICTS, verdictSql } from "./compare_sql.ts";
import type { Engine, Session } from "./engine.ts";
import { withHotRows } from "./hot_rows.ts";
import {
  FILE_COLUMNS_SQL,
  type FileHeader,
  fileHeader,
  fileRelation,
  inNarrowOrWide,
  type Relation,
  slotRanges,
  typedSql,
  writeFile,
} from "./period_file.ts";
import { scaleOf } from "./scale.ts";
import { slotStartSql } from "./sql.ts";
import type { Stage } from "./stage.ts";
import { DECIMALS } from "./stage_sql.ts";

/** What the last compare of a period found, until the next one or the drop of the batch. */
export interface Compared {
  /** New and revised rows. */
  readonly delta: Relation;
  /** What is held, with its declared scale; undefined when nothing is. */
  readonly held: Held | undefined;
  /** Tables of this compare. */
  readonly tables: readonly string[];
}

interface Held {
  readonly relation: Relation;
  readonly scale: Scale;
  /** No slot of the batch has a candle in it: nothing to look up, nothing to replace. */
  readonly apart: boolean;
}

interface CompareContext {
  readonly engine: Engine;
  readonly session: Session;
  /** Tables of this compare begin with it. */
  readonly prefix: string;
}

export async function comparePeriod(
  context: CompareContext,
  stage: Stage,
  { period, held, options }: { period: string; held: HeldCandles; options: CompareOptions },
): Promise<{ comparison: Comparison; compared: Compared }> {
  const batch = batchSql(stage, period);
  if (held.file !== undefined) {
    const header = await fileHeader(context.session, held.file);
    const relation = fileRelation(held.file, header);
    const found = { relation, scale: header.scale };
    if (!isApart(stage, { period, header })) {
      const held = { ...found, apart: false };
      return await compareWith(context, { batch, stage, options, held });
    }
    return await allNew(context, { stage, period, options, held: { ...found, apart: true } });
  }
  if (held.hot !== undefined && held.hot !== "") {
    return await compareWithHot(context, held.hot, { batch, stage, options });
  }
  return await allNew(context, { stage, period, options, held: undefined });
}

/** Nothing to compare with. */
async function allNew(
  { session }: CompareContext,
  { stage, period, options, held }: {
    stage: Stage;
    period: string;
    options: CompareOptions;
    held: Held | undefined;
  },
): Promise<{ comparison: Comparison; compared: Compared }> {
  const rank = SOURCE_RANK[options.source];
  const sql = `select *, ${rank} as "source" from (${batchSql(stage, period)})`;
  const delta = { sql, interval: stage.interval };
  const ingested = stage.periods.find((p) => p.period === period)?.rows ?? 0;
  const added = await slotRanges(session, delta);
  return {
    comparison: { ingested, revised: 0, unchanged: 0, heldBetter: 0, added },
    compared: { delta, held, tables: [] },
  };
}

function isApart(
  { periods, interval }: Stage,
  { period, header }: { period: string; header: FileHeader },
): boolean {
  const batch = periods.find((p) => p.period === period);
  return batch !== undefined &&
    (nextSlot(interval, header.lastOpenTime) <= slotStart(interval, batch.firstOpenTime) ||
      nextSlot(interval, batch.lastOpenTime) <= slotStart(interval, header.firstOpenTime));
}

interface Sides {
  readonly batch: string;
  readonly stage: Stage;
  readonly options: CompareOptions;
}

async function compareWithHot(
  context: CompareContext,
  hot: string,
  sides: Sides,
): Promise<{ comparison: Comparison; compared: Compared }> {
  const table = `${context.prefix}_held`;
  await withHotRows(
    context.engine,
    hot,
    ({ sql }) => context.session.run(`create table ${table} as ${sql}`),
  );
  const scale = await scaleOf(context.session, table);
  const relation = {
    sql: `select ${FILE_COLUMNS_SQL} from ${table}`,
    interval: sides.stage.interval,
  };
  const result = await compareWith(context, { ...sides, held: { relation, scale, apart: false } });
  const tables = [table, ...result.compared.tables];
  return { ...result, compared: { ...result.compared, tables } };
}

async function compareWith(
  { session, prefix }: CompareContext,
  { batch, stage: { interval }, options, held }: Sides & {
    held: Held;
  },
): Promise<{ comparison: Comparison; compared: Compared }> {
  const table = `${prefix}_verdicts`;
  await session.run(`create table ${table} as ${verdictSql(batch, held.relation.sql, options)}`);
  const counts = new Map(
    (await session.rows(`select verdict, count(*) from ${table} group by verdict`))
      .map(([verdict, n]) => [Number(verdict), Number(n)]),
  );
  const { ingested, revised } = VERDICTS;
  // A batch imported again would otherwise be held twice over.
  await session.run(`delete from ${table} where verdict not in (${ingested}, ${revised})`);
  const delta = {
    sql: `select ${FILE_COLUMNS_SQL} from ${table}`,
    interval,
  };
  const slot = slotStartSql(interval, "open_time");
  const fresh = counts.has(ingested)
    ? await slotRanges(session, {
      sql: `select open_time from ${table} where verdict = ${ingested}
        and ${slot} not in (select ${slot} from (${held.relation.sql}))`,
      interval,
    })
    : [];
  return {
    comparison: {
      ingested: counts.get(ingested) ?? 0,
      revised: counts.get(revised) ?? 0,
      unchanged: counts.get(VERDICTS.unchanged) ?? 0,
      heldBetter: counts.get(VERDICTS.heldBetter) ?? 0,
      added: fresh,
    },
    compared: { delta, held, tables: [table] },
  };
}

function batchSql({ rowsTable, periods }: Stage, period: string): string {
  const found = periods.find((p) => p.period === period);
  if (found === undefined) {
    throw new Error(`Cannot compare period ${period}: the batch has no row in it`);
  }
  return `select ${KLINE_COLUMNS.join(", ")} from ${rowsTable}
    where open_time between ${found.firstOpenTime} and ${found.lastOpenTime}`;
}

/** New and revised rows as candles: for the few that travel in an event. */
export async function deltaCandles(session: Session, { delta }: Compared): Promise<Candle[]> {
  const columns = KLINE_COLUMNS.map((name) =>
    DECIMALS.some((decimal) => decimal === name) ? `plain(${name})` : name
  );
  const rows = await session.rows(
    `select ${columns.join(", ")} from (${delta.sql}) order by open_time`,
  );
  return rows.map((row) => fromRow(trusted<KlineRow>(row)));
}

export async function writeDelta(
  session: Session,
  { delta }: Compared,
  { scale, outPath }: { scale: Scale; outPath: string },
): Promise<FileFacts> {
  return written(await writeFile(session, delta, { scale, outPath }));
}

/** Held rows that the batch does not replace, and the batch's. */
export async function writeMerged(
  session: Session,
  { delta, held }: Compared,
  { scale, outPath }: { scale: Scale; outPath: string },
): Promise<FileFacts> {
  if (held === undefined) {
    return await writeDelta(session, { delta, held, tables: [] }, { scale, outPath });
  }
  const wide = widerScale(scale, held.scale);
  const table = `merged_${crypto.randomUUID().replaceAll("-", "")}`;
  try {
    await mergeInto(session, table, { delta: delta.sql, held, scale: wide });
    const sql = `select ${FILE_COLUMNS_SQL} from ${table}`;
    return written(await writeFile(session, { ...delta, sql }, { scale: wide, outPath }));
  } finally {
    await session.run(`drop table if exists ${table}`);
  }
}

/** In the narrow decimal type where all values fit, which is ten times as fast as the wide one. */
async function mergeInto(
  session: Session,
  table: string,
  { delta, held, scale }: { delta: string; held: Held; scale: Scale },
): Promise<void> {
  const kept = held.apart
    ? "true"
    : `not exists (select 1 from (${delta}) d where d.open_time = h.open_time)`;
  await inNarrowOrWide((width) =>
    session.run(`create or replace table ${table} as
      select * from (${typedSql(held.relation.sql, scale, width)}) h where ${kept}
      union all ${typedSql(delta, scale, width)}`)
  );
}

function written(facts: FileFacts | undefined): FileFacts {
  if (facts === undefined) throw new Error("Cannot write a file of candles: there is none");
  return facts;
}
