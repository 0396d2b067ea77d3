import { periodOf } from "@/domain/klines/period.ts";
import { MIN_OPEN_TIME } from "@/domain/klines/open_times.ts";
import { MAX_AHEAD_MS, type RejectReason } from "@/domain/klines/validate.ts";
import type { Scale, StagedBatch, StagedPeriod, StageInput } from "@/domain/ports/lake.ts";
import { trusted } from "@/events/trust.ts";
import type { Engine, Session } from "./engine.ts";
import { coarserInterval } from "./coarser.ts";
import { judgeOddRows } from "./odd_rows.ts";
import { type DecimalType, widest } from "./numbers_sql.ts";
import {
  type CsvSource,
  csvSql,
  openSource,
  type RawSource,
  repairedSource,
} from "./raw_source.ts";
import { slotEndSql } from "./sql.ts";
import { scaleOf } from "./scale.ts";
import {
  createStageSql,
  duplicatesSql,
  periodsSql,
  refuseSql,
  type StageRules,
  stageSql,
} from "./stage_sql.ts";
import { loadTyped } from "./stage_typed.ts";

/** A batch in the engine: table `rows` holds the valid candles, `rejected` what was refused. */
export interface Stage extends StagedFacts {
  readonly rowsTable: string;
  readonly rejectedTable: string;
  readonly interval: StageInput["interval"];
}

export type StagedFacts = Pick<
  StagedBatch,
  | "rows"
  | "accepted"
  | "rejectedTotal"
  | "reasons"
  | "rejected"
  | "scale"
  | "repeated"
  | "overlong"
  | "carriesDetail"
  | "coarser"
  | "periods"
>;

interface StageContext {
  readonly engine: Engine;
  readonly session: Session;
  readonly signal: AbortSignal;
  readonly schema: string;
}

const SHOWN_REJECTED = 256;
const SHOWN_CHARACTERS = 1_000;

/** Reads the files into a schema of their own, which stays until it is dropped. */
export async function stageFiles(context: StageContext, input: StageInput): Promise<Stage> {
  const { session, schema } = context;
  const temporary: string[] = [];
  await session.run(`create schema ${schema}`);
  try {
    const sources: RawSource[] = [];
    for (const file of input.files) {
      const source = await openSource({ ...context, temporary }, file);
      if (source !== undefined) sources.push(source);
    }
    const type = widest(sources.map((source) => source.type));
    const [rowsTable, rejectedTable] = [`${schema}.candles`, `${schema}.rejected`];
    await session.run(
      `create table ${rejectedTable} ("row" bigint, reason varchar, "values" varchar)`,
    );
    const rules = rulesOf(input, type);
    const typed = await loadTyped({ ...context, rules, table: rowsTable }, sources);
    const rows = typed?.rows ?? await loadTexts(context, { sources, input, type, temporary });
    const { dropped, repeated } = typed?.unique === true
      ? NO_DUPLICATES
      : await dropDuplicates(context, { typed: typed !== undefined });
    if (typed === undefined) await dropTexts(context);
    const facts = await stagedFacts(session, {
      ...{ rowsTable, rejectedTable, input, type },
      scale: dropped ? undefined : typed?.scale,
    });
    const carriesDetail = sources.some((source) => source.carriesDetail);
    const { interval } = input;
    const { periods } = facts;
    // Close times say it better.
    const coarser = carriesDetail
      ? undefined
      : await coarserInterval(session, { table: rowsTable, interval, periods });
    return { ...facts, rows, repeated, carriesDetail, coarser, rowsTable, rejectedTable, interval };
  } catch (error) {
    await session.cleanUp(`drop schema if exists ${schema} cascade`);
    throw error;
  } finally {
    for (const path of temporary) await Deno.remove(path).catch(() => {});
  }
}

function rulesOf({ interval, now }: StageInput, type: DecimalType): StageRules {
  return { interval, now, type, earliest: MIN_OPEN_TIME, latest: now + MAX_AHEAD_MS };
}

interface Load {
  readonly group: readonly RawSource[];
  readonly input: StageInput;
  readonly type: DecimalType;
  readonly temporary: string[];
}

/** The way in for everything: each text is judged. Answers the number of rows. */
async function loadTexts(
  context: StageContext,
  { sources, input, type, temporary }: Omit<Load, "group"> & { sources: readonly RawSource[] },
): Promise<number> {
  const { session, schema } = context;
  await session.run(createStageSql(`${schema}.candles`, type));
  for (const group of groups(sources)) await load(context, { group, input, type, temporary });
  const rows = await count(session, `${schema}.candles`);
  await judge(context, { input, type });
  return rows;
}

async function load(context: StageContext, { group, input, type, temporary }: Load): Promise<void> {
  const { session, schema, signal } = context;
  const rules = rulesOf(input, type);
  const [first] = group;
  if (first === undefined) return;
  if (first.kind === "parquet") {
    return await session.run(stageSql(`${schema}.candles`, first.sql, rules));
  }
  const files = group.filter((source): source is CsvSource => source.kind === "csv");
  try {
    await session.run(stageSql(`${schema}.candles`, csvSql(files, first.layout), rules));
  } catch (error) {
    if (!isMalformed(error) || files.some(({ repaired }) => repaired)) throw error;
    signal.throwIfAborted();
    // One bad line spoils the statement, so only the file that has it is written again.
    const [only, ...others] = files;
    const parts = only === undefined || others.length > 0
      ? files
      : [await repairedSource({ ...context, temporary }, only)];
    for (const part of parts) await load(context, { group: [part], input, type, temporary });
  }
}

function isMalformed(error: unknown): boolean {
  return error instanceof Error && /^Invalid Input Error|CSV Error/i.test(error.message);
}

/** Consecutive CSV files of one layout are read together: the engine takes two at a time. */
function groups(sources: readonly RawSource[]): RawSource[][] {
  const all: RawSource[][] = [];
  let key: string | undefined;
  for (const source of sources) {
    const same = source.kind === "csv" ? JSON.stringify(source.layout) : undefined;
    if (same !== undefined && same === key) all.at(-1)?.push(source);
    else all.push([source]);
    key = same;
  }
  return all;
}

/** Every row is now either a valid candle in one table or refused with its reason in the other. */
async function judge(
  context: StageContext,
  { input, type }: { input: StageInput; type: DecimalType },
): Promise<void> {
  const { session, schema } = context;
  const [rows, rejected] = [`${schema}.candles`, `${schema}.rejected`];
  const found = await session.rows(`select 1 from ${rows} where texts is not null limit 1`);
  if (found.length > 0) {
    await session.run(refuseSql(rows, rejected));
    await judgeOddRows(context, { rows, rejected, input, type });
  }
}

const NO_DUPLICATES = { dropped: false, repeated: 0 } as const;

/** Answers whether there were any, and how many said the same as what stays. */
async function dropDuplicates(
  { session, schema }: StageContext,
  { typed }: { typed: boolean },
): Promise<{ dropped: boolean; repeated: number }> {
  const rows = `${schema}.candles`;
  const [unique] = await session.rows(`select count(*) = count(distinct open_time) from ${rows}
    ${typed ? "" : "where texts is null"}`);
  if (unique?.[0] === true) return NO_DUPLICATES;
  await session.run(`create table ${schema}.losers as ${duplicatesSql(rows, { typed })}`);
  await session.run(`insert into ${schema}.rejected
    select place, 'duplicate_in_batch', candle from ${schema}.losers where not same`);
  const repeated = await count(session, `${schema}.losers where same`);
  await session.run(`delete from ${rows} where rowid in (select id from ${schema}.losers)`);
  await session.run(`drop table ${schema}.losers`);
  return { dropped: true, repeated };
}

async function dropTexts({ session, schema }: StageContext): Promise<void> {
  const rows = `${schema}.candles`;
  await session.run(`delete from ${rows} where texts is not null`);
  for (const column of ["texts", "reason", `"row"`]) {
    await session.run(`alter table ${rows} drop column ${column}`);
  }
}

interface Staged {
  readonly rowsTable: string;
  readonly rejectedTable: string;
  readonly input: StageInput;
  readonly type: DecimalType;
  readonly scale: Scale | undefined;
}

async function stagedFacts(
  session: Session,
  { rowsTable, rejectedTable, input: { interval }, scale }: Staged,
): Promise<Omit<StagedFacts, "rows" | "repeated" | "carriesDetail" | "coarser">> {
  const accepted = await count(session, rowsTable);
  const overlong = `${rowsTable} where close_time > ${slotEndSql(interval, "open_time")}`;
  const reasons = await session.rows(`select reason, count(*) from ${rejectedTable}
    group by reason order by reason`);
  const rejected = await session.rows(`select "row", reason, left("values", ${SHOWN_CHARACTERS})
    from ${rejectedTable} order by "row" limit ${SHOWN_REJECTED}`);
  const periods = await session.rows(periodsSql(rowsTable, interval));
  return {
    accepted,
    overlong: await count(session, overlong),
    rejectedTotal: reasons.reduce((sum, [, n]) => sum + Number(n), 0),
    reasons: Object.fromEntries(reasons.map(([reason, n]) => [String(reason), Number(n)])),
    rejected: rejected.map(([row, reason, values]) => ({
      row: Number(row),
      reason: trusted<RejectReason>(reason),
      values: String(values),
    })),
    scale: scale ?? await scaleOf(session, rowsTable),
    periods: periods.map(([rows, first, last]): StagedPeriod => ({
      period: periodOf(interval, Number(first)),
      rows: Number(rows),
      firstOpenTime: Number(first),
      lastOpenTime: Number(last),
    })),
  };
}

async function count(session: Session, table: string): Promise<number> {
  const [row] = await session.rows(`select count(*) from ${table}`);
  return Number(row?.[0]);
}
