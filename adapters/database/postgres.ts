// @ts-types="@types/pg"
import pg from "pg";
import { type Database, type SqlRow, type SqlValue } from "@/events/store/database.ts";
import { trusted } from "@/events/trust.ts";
import type { Log } from "@/domain/ports/log.ts";
import { failure, type ServerError } from "./postgres_error.ts";
import { keepListening } from "./postgres_listener.ts";
import { isStalePreparation } from "./prepared_statements.ts";
import { decoderOf, encodeParameter } from "./sql_values.ts";

export interface PostgresOptions {
  /** `postgres://…`; never logged. */
  readonly url: string;
  readonly poolMin?: number | undefined;
  readonly poolMax?: number | undefined;
  /** A connection is replaced after this long. */
  readonly recycleS?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
  readonly statementTimeoutMs?: number | undefined;
  readonly applicationName?: string | undefined;
  readonly log?: Log | undefined;
}

/** A PostgreSQL server through a pool. Lost connections reject their queries and are replaced. */
export function openPostgres(options: PostgresOptions): Database {
  const { url, log, statementTimeoutMs = 120_000 } = options;
  const settings: pg.ClientConfig = {
    connectionString: url,
    application_name: options.applicationName ?? "chandlery",
    statement_timeout: statementTimeoutMs,
    lock_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    options: "-c timezone=UTC",
    types: { getTypeParser: (oid) => trusted(decoderOf(oid)) },
  };
  const pool = new pg.Pool({
    ...settings,
    min: options.poolMin ?? 0,
    max: options.poolMax ?? 30,
    maxLifetimeSeconds: options.recycleS ?? 3_600,
    idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
  });
  // Without a listener a dying idle connection would end the process.
  pool.on(
    "error",
    (error) => log?.warn("lost an idle database connection", { error: text(error) }),
  );
  pool.on("connect", (client) => {
    client.on("error", (error) => log?.warn("lost a database connection", { error: text(error) }));
  });

  async function run<R>(
    sql: string,
    params: readonly SqlValue[],
    rowMode?: "array",
  ): Promise<R[]> {
    try {
      const { rows } = await pool.query({
        name: nameOf(sql),
        text: sql,
        values: params.map(encodeParameter),
        ...(rowMode === undefined ? {} : { rowMode }),
      });
      return trusted<R[]>(rows);
    } catch (error) {
      const { code: sqlstate, routine } = trusted<ServerError>(error);
      if (!isStalePreparation({ sqlstate, routine }) || !names.delete(sql)) throw failure(error);
      // Rolled back by the server; under a new name it is prepared anew on every connection.
      return await run(sql, params, rowMode);
    }
  }

  /** One connection for the work; after a failure it is rolled back, or given up where that fails. */
  async function withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error) => {
      throw failure(error);
    });
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      const lost = await client.query("rollback").then(
        () => undefined,
        (cause: unknown) => cause,
      );
      client.release(lost !== undefined);
      throw failure(error);
    }
  }

  return {
    engine: "postgres",
    query: (sql, params = []) => run<SqlRow>(sql, params),
    values: (sql, params = []) => run<unknown[]>(sql, params, "array"),
    transaction: (statements) =>
      withClient(async (client) => {
        // Sent at once and answered in order: one round trip's wait for all of them.
        const replies = [
          client.query("begin"),
          ...statements.map(({ sql, params = [] }) =>
            client.query(sql, params.map(encodeParameter))
          ),
        ];
        const settled = await Promise.allSettled(replies);
        const failed = settled.find((reply) => reply.status === "rejected");
        if (failed !== undefined) throw failed.reason;
        await client.query("commit");
        return settled.slice(1).map((reply) =>
          reply.status === "fulfilled" ? trusted<SqlRow[]>(reply.value.rows) : []
        );
      }),
    script: (sql) => withClient(async (client) => void await client.query(sql)),
    giveWay: () => Promise.resolve(),
    listen: (channel, on, onGap) => keepListening({ settings, channel, on, onGap, log }),
    close: () => pool.end(),
  };
}

const names = new Map<string, string>();
const MAX_NAMED = 512;
let named = 0;

/** A prepared statement for each text, up to a bound; then unnamed. */
function nameOf(sql: string): string | undefined {
  const known = names.get(sql);
  if (known !== undefined || names.size >= MAX_NAMED) return known;
  const name = `s${named++}`;
  names.set(sql, name);
  return name;
}

function text(error: Error): string {
  return error.message;
}
