import { trusted } from "../trust.ts";
import type { Database } from "./database.ts";
import { MIGRATIONS } from "./schema.ts";

/** The database was written by a newer program. */
export class SchemaTooNew extends Error {
  override readonly name = "SchemaTooNew";
  constructor(readonly found: number, readonly known: number) {
    super(
      `Cannot open this database: its schema is version ${found}, this program knows up to ` +
        `${known}. Start the newer program, or restore a backup made by this one`,
    );
  }
}

/** Brings the schema up to date; several instances may start at the same moment. */
export async function migrate(
  database: Database,
  migrations: readonly string[] = MIGRATIONS,
): Promise<void> {
  const found = await schemaVersion(database);
  if (found > migrations.length) throw new SchemaTooNew(found, migrations.length);
  for (let step = found; step < migrations.length; step++) {
    await database.script(stepSql(step, migrations[step] ?? ""));
  }
}

async function schemaVersion(database: Database): Promise<number> {
  const [row] = await database.query("select to_regclass('schema_version') is not null as exists");
  if (!trusted<{ exists: boolean }>(row).exists) return 0;
  const [version] = await database.query("select max(version)::int as version from schema_version");
  return trusted<{ version: number | null }>(version).version ?? 0;
}

/**
 * One statement, so all or nothing: whoever holds the lock does the step, the others find it done.
 * The step's text travels dollar-quoted.
 */
function stepSql(step: number, sql: string): string {
  return `do $step$
    begin
      perform pg_advisory_xact_lock(${MIGRATION_LOCK});
      create table if not exists schema_version (
        version int primary key, at timestamptz not null default now());
      if not exists (select from schema_version where version = ${step + 1}) then
        execute $migration$${sql}$migration$;
        insert into schema_version (version) values (${step + 1});
      end if;
    end $step$`;
}

/** Any constant that no other lock of ours uses. */
const MIGRATION_LOCK = 7_246_017;
