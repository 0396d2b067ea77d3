import { type Candle, toRow } from "@/domain/klines/candle.ts";
import { validateRow } from "@/domain/klines/validate.ts";
import { KLINE_COLUMNS } from "@/domain/ports/kline_reader.ts";
import type { StageInput } from "@/domain/ports/lake.ts";
import { trusted } from "@/events/trust.ts";
import type { Session } from "./engine.ts";
import { castSql, decimalSql, type DecimalType, fits, WIDE } from "./numbers_sql.ts";
import { DECIMALS } from "./stage_sql.ts";

interface OddRows {
  /** Table of staged rows. */
  readonly rows: string;
  /** Table of refused rows. */
  readonly rejected: string;
  readonly input: StageInput;
  readonly type: DecimalType;
}

type Texts = readonly (string | null)[];

const PAGE = 2_000;

/**
 * Lets the domain's own rule read the rows whose texts are not plain (exponents, spaces, offsets,
 * garbage, missing fields). What it accepts joins the staged rows, the rest is refused.
 */
export async function judgeOddRows(
  { session, schema, signal }: { session: Session; schema: string; signal: AbortSignal },
  { rows, rejected, input, type }: OddRows,
): Promise<void> {
  const [odd, good] = [`${schema}.odd`, `${schema}.good`];
  await session.run(`create table ${odd} as select rowid + 1 as "row", texts from ${rows}
    where texts is not null and reason is null order by rowid`);
  await session.run(
    `create table ${good} ("row" varchar, ${
      KLINE_COLUMNS.map((name) => `${name} varchar`).join(", ")
    })`,
  );
  let target = type;
  for (let from = 0;; from += PAGE) {
    const page = await session.rows(`select "row", texts from ${odd}
      where rowid >= ${from} and rowid < ${from + PAGE} order by rowid`);
    if (page.length === 0) break;
    signal.throwIfAborted();
    const [accepted, refused]: [Texts[], Texts[]] = [[], []];
    for (const [row, cells] of page) {
      const texts = trusted<Texts>(cells);
      const verdict = validateRow(texts, input);
      if (typeof verdict === "string") {
        refused.push([String(row), verdict, texts.map((text) => text ?? "").join(",")]);
        continue;
      }
      accepted.push([String(row), ...toRow(verdict).map((v) => v === null ? null : String(v))]);
      if (!decimalsOf(verdict).every((value) => fits(value, type))) target = WIDE;
    }
    await session.append(good, accepted);
    await session.append(rejected, refused);
  }
  if (target !== type) await widen(session, rows);
  await session.run(`insert into ${rows} (${KLINE_COLUMNS.join(", ")}, "row")
    select ${
    KLINE_COLUMNS.map((name) => typed(name, target)).join(", ")
  }, "row"::bigint from ${good}`);
  await session.run(`drop table ${odd}`);
  await session.run(`drop table ${good}`);
}

function decimalsOf(candle: Candle): string[] {
  const { open, high, low, close, volume, quoteVolume, takerBuyVolume, takerBuyQuoteVolume } =
    candle;
  return [open, high, low, close, volume, quoteVolume, takerBuyVolume, takerBuyQuoteVolume]
    .filter((value) => value !== null);
}

async function widen(session: Session, table: string): Promise<void> {
  for (const name of DECIMALS) {
    await session.run(`alter table ${table} alter ${name} type ${decimalSql(WIDE)}`);
  }
}

function typed(name: string, type: DecimalType): string {
  if (!DECIMALS.some((decimal) => decimal === name)) return `${name}::bigint`;
  // The rule's limit of 20 integer digits is beyond what the fast cast takes.
  return type === WIDE ? `${name}::${decimalSql(WIDE)}` : castSql(name, type);
}
