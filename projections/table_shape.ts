import { getTableName, is, SQL, sql } from "drizzle-orm";
import {
  getTableConfig,
  IndexedColumn,
  PgArray,
  PgDialect,
  PgJsonb,
  type PgTable,
} from "drizzle-orm/pg-core";
import { trusted } from "@/events/trust.ts";

/** What the follower needs to know of a projection's table, read once from its drizzle definition. */
export interface TableShape {
  /** The view that queries read. */
  readonly view: string;
  readonly columns: readonly ColumnShape[];
  readonly primaryKey: readonly string[];
  readonly indexes: readonly IndexShape[];
}

export interface ColumnShape {
  /** Field of `$inferSelect`. */
  readonly key: string;
  readonly name: string;
  readonly sqlType: string;
  /** The type in a cast: without its collation. */
  readonly castType: string;
  readonly notNull: boolean;
  readonly defaultSql: string | undefined;
  encode(value: unknown): unknown;
  decode(value: unknown): unknown;
}

export interface IndexShape {
  readonly name: string;
  /** From `using` on: method, columns, storage parameters and condition. */
  readonly definition: string;
  readonly unique: boolean;
}

const dialect = new PgDialect();
const LONGEST_NAME = 60;

/** Throws when the table has something that two generated sides cannot keep. */
export function tableShape(table: PgTable): TableShape {
  const config = getTableConfig(table);
  const view = getTableName(table);
  const refuse = (what: string): Error => new Error(`Cannot make sides of "${view}": ${what}`);
  if (config.schema !== undefined) throw refuse("it lies in another schema");
  if (
    config.foreignKeys.length + config.checks.length + config.uniqueConstraints.length > 0 ||
    config.columns.some((column) => column.isUnique)
  ) throw refuse("only a primary key and indexes are supported");
  const primaryKey = [
    ...config.columns.filter((column) => column.primary).map((column) => column.name),
    ...config.primaryKeys.flatMap((key) => key.columns.map((column) => column.name)),
  ];
  if (primaryKey.length === 0) throw refuse("it has no primary key");
  return {
    view: checked(view),
    columns: columnShapes(table, refuse),
    primaryKey,
    indexes: config.indexes.map((index) => indexShape(view, index)),
  };
}

function columnShapes(table: PgTable, refuse: (what: string) => Error): ColumnShape[] {
  const { columns } = getTableConfig(table);
  const keyOf = new Map(Object.entries(table).map(([key, column]) => [column, key]));
  return columns.map((column) => {
    if (is(column, PgArray)) throw refuse(`array column "${column.name}": use jsonb`);
    const value = column.default;
    const json = is(column, PgJsonb);
    return {
      key: keyOf.get(column) ?? column.name,
      name: column.name,
      sqlType: column.getSQLType(),
      castType: column.getSQLType().replace(/ collate .*$/i, ""),
      notNull: column.notNull || column.primary,
      defaultSql: value === undefined
        ? undefined
        : text(is(value, SQL) ? value : sql`${sql.param(value, column)}`),
      encode: (given) => column.mapToDriverValue(given),
      // The port has parsed JSON already; drizzle would parse a JSON string a second time.
      decode: (stored) => json ? stored : column.mapFromDriverValue(stored),
    };
  });
}

type Index = ReturnType<typeof getTableConfig>["indexes"][number];

function indexShape(view: string, { config }: Index): IndexShape {
  const columns = config.columns.map((column) => {
    if (!is(column, IndexedColumn)) return `(${text(trusted<SQL>(column))})`;
    const { order, nulls, opClass } = column.indexConfig;
    return [
      quoted(column.name ?? ""),
      opClass,
      order === "desc" ? "desc" : undefined,
      order === undefined && nulls === undefined ? undefined : `nulls ${nulls ?? "last"}`,
    ].filter((part) => part !== undefined).join(" ");
  });
  const named = config.columns.map((column) => is(column, IndexedColumn) ? column.name : "expr");
  const parameters = Object.entries(config.with ?? {}).map(([key, value]) => `${key} = ${value}`);
  return {
    name: checked(config.name ?? `${view}_${named.join("_")}_idx`),
    unique: config.unique,
    definition: [
      `using ${config.method ?? "btree"} (${columns.join(", ")})`,
      parameters.length > 0 ? `with (${parameters.join(", ")})` : "",
      config.where === undefined ? "" : `where ${text(config.where)}`,
    ].filter((part) => part !== "").join(" "),
  };
}

/** Values inlined and columns without their table, as DDL wants them. */
function text(chunk: SQL): string {
  return dialect.sqlToQuery(chunk.inlineParams(), "indexes").sql;
}

/** Double-quoted SQL identifier. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Single-quoted SQL text. */
export function literal(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** PostgreSQL cuts longer names silently, which would make two sides one. */
function checked(name: string): string {
  if (name.length > LONGEST_NAME) throw new Error(`Cannot make sides of "${name}": name too long`);
  return name;
}
