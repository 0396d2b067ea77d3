import { widerScale } from "@/domain/klines/scale.ts";
import type { Compared } from "./compare.ts";
import { comparePeriod, deltaCandles, writeDelta, writeMerged } from "./compare.ts";
import type { Engine, Session } from "./engine.ts";
import type { LakeCalls } from "./lake_calls.ts";
import { refusedTimes } from "./refused_rows.ts";
import { literal } from "./sql.ts";
import { type Stage, stageFiles } from "./stage.ts";

type Args<K extends keyof LakeCalls> = Parameters<LakeCalls[K]>[0];

interface HeldStage {
  readonly schema: string;
  readonly stage: Stage;
  readonly compared: Map<string, Compared>;
  comparisons: number;
}

/** The batches that are staged now, by number. */
export class Stages {
  readonly #engine: Engine;
  readonly #held = new Map<number, HeldStage>();
  #last = 0;
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async stage(
    session: Session,
    input: Args<"stage">,
    signal: AbortSignal,
  ): Promise<ReturnType<LakeCalls["stage"]>> {
    const id = ++this.#last;
    const schema = `batch_${id}`;
    const stage = await stageFiles({ engine: this.#engine, session, signal, schema }, input);
    this.#held.set(id, { schema, stage, compared: new Map(), comparisons: 0 });
    const { rowsTable: _rows, rejectedTable: _rejected, interval: _interval, ...facts } = stage;
    return { id, facts };
  }

  async writeRejected(
    session: Session,
    { id, outPath }: Args<"writeRejected">,
  ): Promise<ReturnType<LakeCalls["writeRejected"]>> {
    const { stage: { rejectedTable, rejectedTotal } } = this.#get(id);
    if (rejectedTotal === 0) return undefined;
    await session.run(`copy (select * from ${rejectedTable} order by "row") to ${literal(outPath)}
      (format parquet, compression zstd, parquet_version v2)`);
    return { openTimes: await refusedTimes(session, rejectedTable) };
  }

  async compare(
    session: Session,
    args: Args<"compare">,
  ): Promise<ReturnType<LakeCalls["compare"]>> {
    const held = this.#get(args.id);
    const prefix = `${held.schema}.c${++held.comparisons}`;
    const context = { engine: this.#engine, session, prefix };
    const { comparison, compared } = await comparePeriod(context, held.stage, args);
    const before = held.compared.get(args.period);
    held.compared.set(args.period, compared);
    for (const table of before?.tables ?? []) await session.run(`drop table ${table}`);
    return comparison;
  }

  async delta(
    session: Session,
    { id, period }: Args<"delta">,
  ): Promise<ReturnType<LakeCalls["delta"]>> {
    return await deltaCandles(session, this.#compared(id, period));
  }

  async writeDelta(
    session: Session,
    { id, period, outPath }: Args<"writeDelta">,
  ): Promise<ReturnType<LakeCalls["writeDelta"]>> {
    const { scale } = this.#get(id).stage;
    return await writeDelta(session, this.#compared(id, period), { scale, outPath });
  }

  async writeMerged(
    session: Session,
    { id, period, scale, outPath }: Args<"writeMerged">,
  ): Promise<ReturnType<LakeCalls["writeMerged"]>> {
    const wide = widerScale(scale, this.#get(id).stage.scale);
    return await writeMerged(session, this.#compared(id, period), { scale: wide, outPath });
  }

  async drop(session: Session, { id }: Args<"drop">): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    await session.run(`drop schema ${held.schema} cascade`);
  }

  #get(id: number): HeldStage {
    const held = this.#held.get(id);
    if (held === undefined) throw new Error("Cannot use a staged batch: it was dropped");
    return held;
  }

  #compared(id: number, period: string): Compared {
    const compared = this.#get(id).compared.get(period);
    if (compared === undefined) throw new Error(`Cannot write period ${period}: compare it first`);
    return compared;
  }
}
