import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { Scale } from "@/domain/ports/lake.ts";
import type { KlineColumn } from "./column_names.ts";
import type { Session } from "./engine.ts";
import { type CsvSource, csvSql, type RawSource } from "./raw_source.ts";
import { type CsvScan, scanCsv, type StartedScan } from "./scan_csv.ts";
import {
  BASE_VOLUMES,
  irregularCloseSql,
  PRICES,
  QUOTE_VOLUMES,
  reasonSql,
  stagedType,
  type StageRules,
} from "./stage_sql.ts";
import { epochMsSql } from "./times_sql.ts";

/** What is known of candles that were loaded without a look at their texts. */
export interface TypedLoad {
  readonly rows: number;
  /** The decimals they need; undefined when nobody has counted them. */
  readonly scale: Scale | undefined;
  /** No open time comes twice. */
  readonly unique: boolean;
}

interface TypedContext {
  readonly session: Session;
  readonly signal: AbortSignal;
  readonly rules: StageRules;
  /** Made here when the load succeeds; valid candles in the order of their files. */
  readonly table: string;
}

/**
 * The fast way in: most files hold nothing but plain numbers, so the engine reads them as numbers
 * while their bytes are looked at. Undefined, with no table left, when any row of any file is not
 * plain or is to be refused: then every text is judged one by one.
 */
export async function loadTyped(
  context: TypedContext,
  sources: readonly RawSource[],
): Promise<TypedLoad | undefined> {
  const { session, signal, rules: { type }, table } = context;
  if (type.width !== 18 || sources.length === 0) return undefined;
  const scans: StartedScan[] = [];
  for (const source of sources) {
    if (source.kind === "parquet") {
      if (source.exactSql === undefined) return undefined;
      continue;
    }
    const scan = source.repaired ? undefined : await scanCsv(source.path, source.layout, type);
    if (scan === undefined) return undefined;
    scans.push(scan);
  }
  // The engine works beside this thread; both end before anything is decided.
  const [loaded, scanned] = await Promise.allSettled([
    load(context, sources),
    finish(scans, signal),
  ]);
  signal.throwIfAborted();
  if (scanned.status === "rejected") throw scanned.reason;
  const found = loaded.status === "fulfilled" ? loaded.value : undefined;
  if (found === undefined || scanned.value === undefined || found.refused > 0) {
    await session.run(`drop table if exists ${table}`);
    return undefined;
  }
  const counted = scans.length === sources.length;
  return {
    rows: found.rows,
    scale: counted ? scaleOf(scanned.value) : undefined,
    unique: counted && isIncreasing(scanned.value),
  };
}

async function load(
  { session, rules, table }: TypedContext,
  sources: readonly RawSource[],
): Promise<{ rows: number; refused: number }> {
  const parts = sources.map((source) => candlesSql(source, rules));
  await session.run(`create table ${table} as ${parts[0] ?? ""}`);
  for (const part of parts.slice(1)) await session.run(`insert into ${table} ${part}`);
  const required = KLINE_COLUMNS.slice(0, 6).map((name) => `${name} is null`).join(" or ");
  const [row] = await session.rows(`select count(*),
      count(*) filter (where ${required} or (${reasonSql(rules)}) is not null
        or trades_count < 0 or trades_count > 999999999999999)
    from ${table}`);
  return { rows: Number(row?.[0]), refused: Number(row?.[1]) };
}

async function finish(
  scans: readonly StartedScan[],
  signal: AbortSignal,
): Promise<CsvScan[] | undefined> {
  const done: CsvScan[] = [];
  for (const scan of scans) {
    const found = await scan.finish(signal);
    if (found === undefined) return undefined;
    done.push(found);
  }
  return done;
}

function candlesSql(source: RawSource, { interval, type }: StageRules): string {
  const typeOf = (name: KlineColumn) => stagedType(name, type);
  const sql = source.kind === "csv" ? csvOf(source, typeOf) : source.exactSql;
  const columns = KLINE_COLUMNS.map((name) => {
    if (name === "open_time") return name;
    const value = name === "close_time" ? irregularCloseSql(interval) : name;
    return `${value}::${typeOf(name)} as ${name}`;
  });
  return `select ${columns.join(", ")} from (
    select * replace (${epochMsSql("open_time")} as open_time, ${
    epochMsSql("close_time")
  } as close_time) from (${sql}))`;
}

function csvOf(source: CsvSource, typeOf: (name: KlineColumn) => string): string {
  return csvSql([source], source.layout, typeOf);
}

function scaleOf(scans: readonly CsvScan[]): Scale {
  const most = (columns: readonly string[]) =>
    Math.max(
      0,
      ...scans.flatMap(({ decimals }) =>
        columns.map((name) => decimals[KLINE_COLUMNS.findIndex((column) => column === name)] ?? 0)
      ),
    );
  return { price: most(PRICES), volume: most(BASE_VOLUMES), quote: most(QUOTE_VOLUMES) };
}

/** In each file, and from one to the next. */
function isIncreasing(scans: readonly CsvScan[]): boolean {
  return scans.every(({ increasing, firstOpenTime }, at) =>
    increasing && firstOpenTime > (scans[at - 1]?.lastOpenTime ?? -1)
  );
}
