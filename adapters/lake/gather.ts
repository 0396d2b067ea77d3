import { widerScale } from "@/domain/klines/scale.ts";
import type { FileFacts, GatherInput, GatherPart, Scale } from "@/domain/ports/lake.ts";
import type { Interval } from "@/domain/klines/interval.ts";
import type { Engine, Session } from "./engine.ts";
import { hotRowsType, withHotRows } from "./hot_rows.ts";
import {
  FILE_COLUMNS_SQL,
  fileHeader,
  fileRelation,
  inNarrowOrWide,
  typedSql,
  writeFile,
} from "./period_file.ts";
import { isExactAt, scaleOf } from "./scale.ts";

interface Gathered {
  readonly table: string;
  readonly interval: Interval;
}

/** What a period holds out of batches and rows, in a table until it is dropped. */
export class Gatherings {
  readonly #engine: Engine;
  readonly #held = new Map<number, Gathered>();
  #last = 0;
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async gather(
    session: Session,
    { parts, interval, scale }: GatherInput,
  ): Promise<{ id: number; rows: number; scale: Scale }> {
    const id = ++this.#last;
    const table = `gathered_${id}`;
    try {
      await this.#fill(session, table, parts);
      const exact = await isExactAt(session, table, scale);
      const needed = exact ? scale : widerScale(scale, await scaleOf(session, table));
      const [count] = await session.rows(`select count(*) from ${table}`);
      this.#held.set(id, { table, interval });
      return { id, rows: Number(count?.[0]), scale: needed };
    } catch (error) {
      await session.cleanUp(`drop table if exists ${table}`);
      throw error;
    }
  }

  async write(
    session: Session,
    { id, scale, outPath }: { id: number; scale: Scale; outPath: string },
  ): Promise<FileFacts> {
    const { table, interval } = this.#get(id);
    const relation = { sql: `select ${FILE_COLUMNS_SQL} from ${table}`, interval };
    const facts = await writeFile(session, relation, { scale, outPath });
    if (facts === undefined) throw new Error("Cannot write a file of candles: there is none");
    return facts;
  }

  async drop(session: Session, { id }: { id: number }): Promise<void> {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (held !== undefined) await session.run(`drop table ${held.table}`);
  }

  async #fill(session: Session, table: string, parts: readonly GatherPart[]): Promise<void> {
    const sources = await this.#sources(session, parts);
    const scale = sources.map((source) => source.scale)
      .reduce(widerScale, { price: 0, volume: 0, quote: 0 });
    await inNarrowOrWide(async (width) => {
      await session.run(`create or replace table ${table} as
        select ${FILE_COLUMNS_SQL}, 0 as part from (${typedSql(NOTHING, scale, width)}) limit 0`);
      for (const source of sources) {
        await source.read((sql) =>
          session.run(`insert into ${table}
            select *, ${source.part} from (${typedSql(sql, scale, width)})`)
        );
      }
    });
    for (const [at, part] of parts.entries()) {
      if (part.kind !== "removal") continue;
      const [from, to] = part.range;
      await session.run(`delete from ${table}
        where part < ${at} and open_time >= ${from} and open_time < ${to}`);
    }
    await dropReplaced(session, table);
  }

  /** The parts with candles, each with the place of its part and a way to read it. */
  async #sources(session: Session, parts: readonly GatherPart[]): Promise<Source[]> {
    const sources: Source[] = [];
    for (const [at, part] of parts.entries()) {
      if (part.kind === "file") {
        const header = await fileHeader(session, part.path);
        const { sql } = fileRelation(part.path, header);
        sources.push({ part: at, scale: header.scale, read: (insert) => insert(sql) });
      }
      if (part.kind === "rows" && part.rows !== "") {
        const { scale } = hotRowsType(part.rows);
        sources.push({
          ...{ part: at, scale: { price: scale, volume: scale, quote: scale } },
          read: (insert) => withHotRows(this.#engine, part.rows, ({ sql }) => insert(sql)),
        });
      }
    }
    return sources;
  }

  #get(id: number): Gathered {
    const held = this.#held.get(id);
    if (held === undefined) throw new Error("Cannot use what was gathered: it was dropped");
    return held;
  }
}

interface Source {
  readonly part: number;
  readonly scale: Scale;
  /** Lends the candles as a select of the file columns. */
  read(insert: (sql: string) => Promise<void>): Promise<void>;
}

/** A row of the file columns, to declare a table by. */
const NOTHING = `select ${
  FILE_COLUMNS_SQL.split(", ").map((name) => `null as ${name}`).join(", ")
}`;

/** Of equal open times the candle of the last part stays. */
async function dropReplaced(session: Session, table: string): Promise<void> {
  const [unique] = await session.rows(`select count(*) = count(distinct open_time) from ${table}`);
  if (unique?.[0] === true) return;
  await session.run(`delete from ${table} t
    where exists (select 1 from ${table} l where l.open_time = t.open_time and l.part > t.part)`);
}
