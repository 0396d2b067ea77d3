import type { Statement } from "@/events/store/database.ts";
import { encodeParameter } from "./sql_values.ts";
import { WireWriter } from "./wire_writer.ts";

const MAX_NAMED = 256;
const MAX_REMEMBERED = 2_000;
const UNNAMED = "";

/**
 * Gives repeated SQL a name, shared by the connections of a database: a text that comes a second
 * time is worth a prepared statement, up to 256 of them. The others stay unnamed.
 */
export class StatementNames {
  readonly #names = new Map<string, string>([["begin", "begin"], ["commit", "commit"]]);
  readonly #seenOnce = new Set<string>();

  nameOf(sql: string): string {
    const name = this.#names.get(sql);
    if (name !== undefined) return name;
    if (this.#names.size >= MAX_NAMED) return UNNAMED;
    if (this.#seenOnce.delete(sql)) {
      const given = `s${this.#names.size}`;
      this.#names.set(sql, given);
      return given;
    }
    if (this.#seenOnce.size >= MAX_REMEMBERED) this.#seenOnce.clear();
    this.#seenOnce.add(sql);
    return UNNAMED;
  }
}

export interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Names that this batch prepares. */
  readonly parsed: readonly string[];
}

/** Which of the names one connection already knows; writes the messages of its batches. */
export class PreparedStatements {
  readonly #names: StatementNames;
  readonly #known = new Set<string>();

  constructor(names: StatementNames) {
    this.#names = names;
  }

  /** One round trip. With `atomic` the statements stand between BEGIN and COMMIT. */
  batch(statements: readonly Statement[], atomic: boolean): Batch {
    const writer = new WireWriter();
    const parsed: string[] = [];
    if (atomic) this.#bind(writer, BEGIN, parsed).execute();
    for (const statement of statements) {
      this.#bind(writer, statement, parsed).describePortal().execute();
    }
    if (atomic) this.#bind(writer, COMMIT, parsed).execute();
    for (const name of parsed) this.#known.add(name);
    return { bytes: writer.sync().finish(), parsed };
  }

  /**
   * After a failure: what the batch prepared may or may not exist, and after a stale preparation
   * nothing is sure. Names are closed before they are parsed, so that both are right.
   */
  forget(batch: Batch, stale: boolean): void {
    if (stale) this.#known.clear();
    for (const name of batch.parsed) this.#known.delete(name);
  }

  #bind(writer: WireWriter, { sql, params = [] }: Statement, parsed: string[]): WireWriter {
    const name = this.#names.nameOf(sql);
    const values = params.map(encodeParameter);
    if (name === UNNAMED) return writer.parse(UNNAMED, sql).bind(UNNAMED, values);
    if (this.#known.has(name) || parsed.includes(name)) return writer.bind(name, values);
    parsed.push(name);
    return writer.closeStatement(name).parse(name, sql).bind(name, values);
  }
}

const BEGIN: Statement = { sql: "begin" };
const COMMIT: Statement = { sql: "commit" };

/**
 * A prepared statement that a schema change or another session command took away: the batch was
 * rolled back and works when prepared again. `routine` because messages are translated.
 */
export function isStalePreparation(error: {
  readonly sqlstate: string | undefined;
  readonly routine: string | undefined;
}): boolean {
  return error.sqlstate === "26000" || error.routine === "RevalidateCachedQuery";
}
