import type { Database } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import { checkpointName, type Side } from "./checkpoints.ts";
import type { Projection } from "./define.ts";
import { literal, quoted, type TableShape, tableShape } from "./table_shape.ts";
import { sideTable } from "./write_batch.ts";

const SIDES_LOCK = 7_246_018;

/**
 * Makes what is missing for each projection: both sides, the view over the live one, its checkpoint
 * row. Instances that start together wait for each other.
 */
export async function ensureSides(
  database: Database,
  projections: readonly Projection[],
): Promise<void> {
  const parts = projections.flatMap((projection) => {
    const shape = tableShape(projection.table);
    return [
      tableDdl(shape, "a"),
      tableDdl(shape, "b"),
      indexDdl(shape, "a"),
      `insert into checkpoint (name) values (${literal(checkpointName(projection))})
       on conflict do nothing;`,
      missingViewDdl(shape),
    ];
  });
  const views = projections.flatMap(peopleViews);
  await database.script(`begin;
    select pg_advisory_xact_lock(${SIDES_LOCK});
    ${SWAP_FUNCTION}
    ${[...parts, ...views].join("\n")}
    commit;`);
}

/** Compares and sets the live side; with it goes the view. False when the checkpoint has moved on. */
export async function swapSides(
  database: Database,
  { name, position, from, to, shape }: {
    name: string;
    position: number;
    from: Side;
    to: Side;
    shape: TableShape;
  },
): Promise<boolean> {
  const [row] = await database.query("select projection_swap($1, $2, $3, $4, $5) as swapped", [
    ...[name, position, from, to],
    viewDdl(shape, to),
  ]);
  return trusted<{ swapped: boolean }>(row).swapped;
}

/** Empties a side and takes its secondary indexes away, so that it fills fast. */
export async function clearSide(database: Database, shape: TableShape, side: Side): Promise<void> {
  const drops = shape.indexes.map(({ name }) =>
    `drop index if exists ${quoted(`${name}_${side}`)};`
  );
  await database.script(`truncate ${sideTable(shape, side)}; ${drops.join("\n")}`);
}

export async function indexSide(database: Database, shape: TableShape, side: Side): Promise<void> {
  await database.script(`${indexDdl(shape, side)} analyze ${sideTable(shape, side)};`);
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

function indexDdl(shape: TableShape, side: Side): string {
  return shape.indexes.map(({ name, unique, definition }) =>
    `create ${unique ? "unique " : ""}index if not exists ${quoted(`${name}_${side}`)}
     on ${sideTable(shape, side)} ${definition};`
  ).join("\n");
}

/** Both sides have the same columns, so the view is replaced in place and its dependents stay. */
function viewDdl(shape: TableShape, side: Side): string {
  return `create or replace view ${quoted(shape.view)} as select * from ${sideTable(shape, side)}`;
}

function missingViewDdl(shape: TableShape): string {
  return `do $do$ begin
    if to_regclass(${literal(quoted(shape.view))}) is null then ${viewDdl(shape, "a")}; end if;
  end $do$;`;
}

function peopleViews({ table, views = [] }: Projection): string[] {
  const view = quoted(tableShape(table).view);
  return views.map(({ name, sql }) =>
    `drop view if exists ${quoted(name)}; create view ${quoted(name)} as ${sql(view)};`
  );
}

const SWAP_FUNCTION = `
create or replace function projection_swap(
  c_name text, c_pos bigint, c_from text, c_to text, c_view text) returns boolean
language plpgsql as $f$
begin
  update checkpoint set side = c_to, error = null, at = now()
    where name = c_name and pos = c_pos and side = c_from;
  if not found then return false; end if;
  execute c_view;
  return true;
end $f$;`;
