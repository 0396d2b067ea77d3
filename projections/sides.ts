import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { checkpointName, type Side } from "./checkpoints.ts";
import type { Projection } from "./define.ts";
import { SIDE_FUNCTIONS } from "./side_functions.ts";
import { literal, quoted, type TableShape, tableShape } from "./table_shape.ts";
import { sideTable } from "./write_batch.ts";

/** Instances that start together wait for each other. */
const LOCK = "perform pg_advisory_xact_lock(7246018);";

/**
 * Makes what is missing for each projection: both sides, its checkpoint row, the view and the
 * indexes of the live side. One message, so all or nothing.
 */
export async function ensureSides(
  database: Database,
  projections: readonly Projection[],
): Promise<void> {
  const parts = projections.map((projection) => {
    const shape = tableShape(projection.table);
    const name = literal(checkpointName(projection));
    return `${tableDdl(shape, "a")} ${tableDdl(shape, "b")}
      insert into checkpoint (name) values (${name}) on conflict do nothing;
      do $do$ begin
        ${columnCheck(shape, "a")} ${columnCheck(shape, "b")}
        if (select side from checkpoint where name = ${name}) = 'b'
        then ${missingDdl(shape, "b")} else ${missingDdl(shape, "a")} end if;
      end $do$;`;
  });
  await database.script(`do $do$ begin ${LOCK} end $do$; ${SIDE_FUNCTIONS} ${parts.join("\n")}`);
}

/** Puts the views for people over the live rows, where they are not there already. */
export async function publishViews(
  database: Database,
  projections: readonly Projection[],
): Promise<void> {
  const parts = projections.flatMap(({ table, views = [] }) =>
    views.map(({ name, sql }) =>
      `perform projection_publish(${literal(name)}, ${
        literal(sql(quoted(tableShape(table).view)))
      });`
    )
  );
  if (parts.length > 0) await database.script(`do $do$ begin ${LOCK} ${parts.join("\n")} end $do$`);
}

/**
 * Empties the side that is not live, takes its secondary indexes away so that it fills fast, and
 * starts the rebuild's checkpoint at 0. False when `live` is not the live side any more.
 */
export async function beginRebuild(
  database: Database,
  { name, live, to, shape }: { name: string; live: Side; to: Side; shape: TableShape },
): Promise<boolean> {
  // With its types, as all of them: an older program may have left another function of the name.
  const [row] = await database.query(
    "select projection_begin_rebuild($1::text, $2::text, $3::text, $4::text) as begun",
    [name, live, to, clearDdl(shape, to)],
  );
  return trusted<{ begun: boolean }>(row).begun;
}

/**
 * Keeps the live side where it stands for two seconds, but for batches that are under way; answers
 * its position. Undefined when it is not live any more, or busy.
 */
export async function holdSide(
  database: Database,
  { name, side }: { name: string; side: Side },
): Promise<number | undefined> {
  const [row] = await database.query("select projection_hold($1::text, $2::text) as pos", [
    name,
    side,
  ]);
  const { pos } = trusted<{ pos: number | string | null }>(row);
  return pos === null ? undefined : Number(pos);
}

/** `moved`: the live side is ahead; `busy`: readers keep the view; `lost`: another rebuild began. */
export type SwapOutcome = "swapped" | "moved" | "busy" | "lost";

/**
 * Makes the filled side, at `position`, the live one, unless the live one is further: the
 * checkpoint, the view and the end of the rebuild's checkpoint in one transaction.
 */
export async function swapSides(
  database: Database,
  { name, from, to, position, shape }: {
    name: string;
    from: Side;
    to: Side;
    position: number;
    shape: TableShape;
  },
): Promise<SwapOutcome> {
  const [row] = await database.query(
    "select projection_swap($1::text, $2::text, $3::text, $4::bigint, $5::text) as outcome",
    [name, from, to, position, viewDdl(shape, to)],
  );
  return trusted<{ outcome: SwapOutcome }>(row).outcome;
}

/** Frees what a side takes on the disk, unless it is live or a rebuild fills it. */
export async function clearSide(
  database: Database,
  { name, side, shape }: { name: string; side: Side; shape: TableShape },
): Promise<void> {
  await database.query("select projection_clear($1::text, $2::text, $3::text)", [
    name,
    side,
    clearDdl(shape, side),
  ]);
}

export async function indexSide(database: Database, shape: TableShape, side: Side): Promise<void> {
  await database.script(`${indexDdl(shape, side).join("\n")} analyze ${sideTable(shape, side)};`);
}

function tableDdl(shape: TableShape, side: Side): string {
  const columns = shape.columns.map(({ name, sqlType, notNull, defaultSql }) =>
    `${quoted(name)} ${sqlType}${notNull ? " not null" : ""}${
      defaultSql === undefined ? "" : ` default ${defaultSql}`
    }`
  );
  return `create table if not exists ${sideTable(shape, side)} (${columns.join(", ")},
    primary key (${shape.primaryKey.map(quoted).join(", ")}));`;
}

/** A table that was declared anew under its old version would be folded into wrongly. */
function columnCheck(shape: TableShape, side: Side): string {
  const columns = shape.columns.map(({ name }) => name).join(",");
  return `if (select string_agg(attname, ',' order by attnum) from pg_attribute
      where attrelid = ${literal(sideTable(shape, side))}::regclass
        and attnum > 0 and not attisdropped) <> ${literal(columns)}
    then raise exception 'Cannot follow into %: its columns are not the declared ones; raise the version',
      ${literal(sideTable(shape, side))}; end if;`;
}

function indexDdl(shape: TableShape, side: Side): string[] {
  return shape.indexes.map(({ name, unique, definition }) =>
    `create ${unique ? "unique " : ""}index if not exists ${quoted(`${name}_${side}`)}
     on ${sideTable(shape, side)} ${definition};`
  );
}

/** Asks before it makes an index: `if not exists` would lock the table against writers first. */
function missingDdl(shape: TableShape, side: Side): string {
  const indexes = indexDdl(shape, side).map((ddl, at) => {
    const name = literal(quoted(`${shape.indexes[at]?.name}_${side}`));
    return `if to_regclass(${name}) is null then ${ddl} end if;`;
  });
  const view = `if to_regclass(${literal(quoted(shape.view))}) is null
    then ${viewDdl(shape, side)}; end if;`;
  return [...indexes, view].join("\n");
}

function clearDdl(shape: TableShape, side: Side): string {
  const drops = shape.indexes.map(({ name }) =>
    `drop index if exists ${quoted(`${name}_${side}`)};`
  );
  return `truncate ${sideTable(shape, side)}; ${drops.join("\n")}`;
}

/** Both sides have the same columns, so the view is replaced in place and its dependents stay. */
function viewDdl(shape: TableShape, side: Side): string {
  return `create or replace view ${quoted(shape.view)} as select * from ${sideTable(shape, side)}`;
}
