import type { SqlScalar, Statement } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import type { Side } from "./checkpoints.ts";
import type { ProjectedRow } from "./fold.ts";
import { literal, quoted, type TableShape } from "./table_shape.ts";

/** A move of one checkpoint, with the rows that go with it. */
export interface Move {
  /** Checkpoint name. */
  readonly name: string;
  readonly side: Side;
  /** Moves only while the table is claimed by this mark; null where nothing had to be claimed. */
  readonly claim: string | null;
  readonly shape: TableShape;
  /** `undefined` where the row is gone. Empty for a bulk projection. */
  readonly changed: ReadonlyMap<string, ProjectedRow | undefined>;
}

/**
 * One statement that compares and sets the checkpoints and writes the rows of those that stood at
 * `from`. It returns a row `{name}` for each checkpoint that moved; the others were moved by another
 * instance and nothing of theirs is written. Rows are derived, so the commit does not wait for the
 * disk: after a crash the checkpoint is as old as the rows.
 */
export function writeBatch(
  moves: readonly Move[],
  { from, to }: { from: number; to: number },
): Statement {
  const params: (SqlScalar | readonly SqlScalar[])[] = [
    from,
    to,
    moves.map((move) => move.name),
    moves.map((move) => move.side),
    moves.map((move) => move.claim),
  ];
  const writes = moves.flatMap((move, at) => {
    const rows = [...move.changed.values()].filter((row) => row !== undefined);
    const gone = [...move.changed].filter(([, row]) => row === undefined).map(([key]) => key);
    const parts: string[] = [];
    if (rows.length > 0) {
      const first = params.length + 1;
      params.push(...columnArrays(move.shape, rows));
      parts.push(`w${at} as (${upsertSql(move, first)})`);
    }
    if (gone.length > 0) {
      params.push(gone);
      parts.push(`d${at} as (${deleteSql(move, params.length)})`);
    }
    return parts;
  });
  // Rows are locked in the order of their names, so that two instances with other groups of members
  // cannot wait for each other.
  const moved = `led as (select c.name from checkpoint c
      join unnest($3::text[], $4::text[], $5::text[]) m(name, side, claim)
        on m.name = c.name and m.side = c.side
      where c.pos = $1::bigint and (m.claim is null or c.claim = m.claim)
        and not exists (select from checkpoint h
          where h.name = c.name || '/hold' and h.at > now() - interval '2 seconds')
      order by c.name for update of c),
    moved as (update checkpoint c set pos = $2::bigint, at = now(), error = null, claim = null
      from led where c.name = led.name returning c.name)`;
  return {
    sql: `with ${[moved, ...writes].join(",\n    ")}
    select name, set_config('synchronous_commit', 'off', true) from moved`,
    params,
  };
}

function upsertSql({ name, side, shape }: Move, firstParam: number): string {
  const columns = shape.columns.map((column) => quoted(column.name));
  const arrays = shape.columns.map((column, at) => `$${firstParam + at}::${column.castType}[]`);
  const set = columns.filter((column) => !shape.primaryKey.map(quoted).includes(column))
    .map((column) => `${column} = excluded.${column}`);
  return `insert into ${sideTable(shape, side)} (${columns.join(", ")})
      select * from unnest(${arrays.join(", ")})
      where exists (select from moved where moved.name = ${literal(name)})
      on conflict (${shape.primaryKey.map(quoted).join(", ")}) do ${
    set.length === 0 ? "nothing" : `update set ${set.join(", ")}`
  }`;
}

function deleteSql({ name, side, shape }: Move, param: number): string {
  const { key, cast } = keyColumn(shape);
  return `delete from ${sideTable(shape, side)} where ${key} = any($${param}::${cast}[])
      and exists (select from moved where moved.name = ${literal(name)})`;
}

/** Reads rows by key; `decodeRow` makes rows of what `values` returns. */
export function loadRows(shape: TableShape, side: Side, keys: readonly string[]): Statement {
  const { key, cast } = keyColumn(shape);
  return {
    sql: `select ${shape.columns.map((column) => quoted(column.name)).join(", ")}
      from ${sideTable(shape, side)} where ${key} = any($1::${cast}[])`,
    params: [keys],
  };
}

export function decodeRow(shape: TableShape, values: readonly unknown[]): ProjectedRow {
  return Object.fromEntries(shape.columns.map((column, at) => {
    const value = values[at] ?? null;
    return [column.key, value === null ? null : column.decode(value)];
  }));
}

/** A row as it will be read back: absent fields are null. */
export function completeRow(shape: TableShape, row: ProjectedRow): ProjectedRow {
  return Object.fromEntries(shape.columns.map(({ key }) => [key, row[key] ?? null]));
}

export function keyOf(shape: TableShape, row: ProjectedRow): string {
  const name = shape.primaryKey[0];
  const column = shape.columns.find((candidate) => candidate.name === name);
  return String(column === undefined ? undefined : row[column.key]);
}

/** Quoted name of a side's table. */
export function sideTable(shape: Pick<TableShape, "view">, side: Side): string {
  return quoted(`${shape.view}_${side}`);
}

function columnArrays(shape: TableShape, rows: readonly ProjectedRow[]): SqlScalar[][] {
  return shape.columns.map((column) =>
    rows.map((row) => {
      const value = row[column.key] ?? null;
      return value === null ? null : trusted<SqlScalar>(column.encode(value));
    })
  );
}

function keyColumn({ view, columns, primaryKey }: TableShape): { key: string; cast: string } {
  const column = columns.find(({ name }) => name === primaryKey[0]);
  if (column === undefined || primaryKey.length !== 1) {
    throw new Error(`Cannot fold rows of "${view}": its primary key must be one column`);
  }
  return { key: quoted(column.name), cast: column.castType };
}
