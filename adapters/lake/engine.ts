import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { type RawColumns, rawColumns } from "./raw_columns.ts";
import { literals } from "./sql.ts";

export interface EngineOptions {
  /** Where the engine spills and our intermediate files lie; exists. */
  readonly tempDir: string;
  /** Nothing outside these and `tempDir` can be read or written. */
  readonly allowedDirectories: readonly string[];
  /** As DuckDB writes it, e.g. `512MB`. */
  readonly memoryLimit: string;
  readonly threads: number;
}

/** A value of a result: int8 is a number; select decimals as text. */
export type Cell = string | number | boolean | null | Uint8Array | readonly Cell[];
export type Cells = readonly Cell[];

/** One connection, lent for a piece of work. */
export interface Session {
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<readonly Cells[]>;
  /** The values of integer and decimal columns, for results of some ten thousand rows. */
  raw(sql: string): Promise<RawColumns>;
  /** Chunk by chunk, for results of any size. */
  stream(sql: string): AsyncIterable<readonly Cells[]>;
  /** Runs also when the work was aborted, and never throws. */
  cleanUp(sql: string): Promise<void>;
  /** Adds rows of text or null to a table of text columns. */
  append(table: string, rows: readonly (readonly (string | null)[])[]): Promise<void>;
}

export interface Engine {
  readonly tempDir: string;
  /** Lends a connection as soon as one is free; a statement that runs is interrupted when aborted. */
  use<T>(lane: Lane, signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T>;
  /** A path for an intermediate file, unique in this process. */
  tempPath(extension: string): string;
  /** Waits for the work that runs. */
  close(): Promise<void>;
}

/** Reads have connections of their own, so that they never wait behind imports. */
export type Lane = "read" | "work";

const CONNECTIONS = { read: 4, work: 3 } as const satisfies Record<Lane, number>;

/** Text of an exact decimal without trailing zeros, whatever its declared scale. */
const PLAIN_MACRO = `create macro plain(x) as case when contains(x::varchar, '.')
  then rtrim(rtrim(x::varchar, '0'), '.') else x::varchar end`;

export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { tempDir, allowedDirectories, memoryLimit, threads } = options;
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: memoryLimit,
    threads: String(threads),
    temp_directory: tempDir,
    preserve_insertion_order: "true",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const setUp = await instance.connect();
  await setUp.run(PLAIN_MACRO);
  await setUp.run("set global TimeZone = 'UTC'");
  await setUp.run("set global parquet_metadata_cache = true");
  const directories = [tempDir, ...allowedDirectories].map((path) => `${path}/`);
  await setUp.run(`set allowed_directories = ${literals(directories)}`);
  await setUp.run("set enable_external_access = false");
  await setUp.run("set lock_configuration = true");
  setUp.closeSync();

  const pools = {
    read: await openPool(instance, CONNECTIONS.read),
    work: await openPool(instance, CONNECTIONS.work),
  };
  return {
    tempDir,
    async use(lane, signal, work) {
      signal.throwIfAborted();
      const connection = await pools[lane].take();
      const interrupt = () => connection.interrupt();
      signal.addEventListener("abort", interrupt);
      try {
        return await work(sessionOf(connection, signal));
      } finally {
        signal.removeEventListener("abort", interrupt);
        pools[lane].give(connection);
      }
    },
    tempPath: (extension) => `${tempDir}/lake-${Deno.pid}-${crypto.randomUUID()}.${extension}`,
    async close() {
      for (const lane of ["read", "work"] as const) {
        for (let n = 0; n < CONNECTIONS[lane]; n++) (await pools[lane].take()).closeSync();
      }
      instance.closeSync();
    },
  };
}

interface Pool {
  take(): Promise<DuckDBConnection>;
  give(connection: DuckDBConnection): void;
}

async function openPool(instance: DuckDBInstance, size: number): Promise<Pool> {
  const idle: DuckDBConnection[] = [];
  const waiting: ((connection: DuckDBConnection) => void)[] = [];
  for (let n = 0; n < size; n++) idle.push(await instance.connect());
  return {
    take() {
      const free = idle.pop();
      if (free !== undefined) return Promise.resolve(free);
      return new Promise((resolve) => waiting.push(resolve));
    },
    give(connection) {
      const next = waiting.shift();
      if (next === undefined) idle.push(connection);
      else next(connection);
    },
  };
}

function sessionOf(connection: DuckDBConnection, signal: AbortSignal): Session {
  return {
    async run(sql) {
      signal.throwIfAborted();
      await connection.run(sql);
    },
    async cleanUp(sql) {
      await connection.run(sql).catch(() => {});
    },
    async rows(sql) {
      signal.throwIfAborted();
      const reader = await connection.runAndReadAll(sql);
      return reader.getRowsJS().map((row) => row.map(cellOf));
    },
    async raw(sql) {
      signal.throwIfAborted();
      return rawColumns(await (await connection.run(sql)).fetchAllChunks());
    },
    async *stream(sql) {
      const result = await connection.stream(sql);
      for await (const rows of result.yieldRowsJs()) {
        signal.throwIfAborted();
        yield rows.map((row) => row.map(cellOf));
      }
    },
    async append(table, rows) {
      const appender = await connection.createAppender(...tableName(table));
      for (const row of rows) {
        for (const value of row) {
          if (value === null) appender.appendNull();
          else appender.appendVarchar(value);
        }
        appender.endRow();
      }
      appender.closeSync();
    },
  };
}

function tableName(table: string): [table: string, schema?: string] {
  const [schema, name] = table.split(".");
  return name === undefined ? [table] : [name, schema ?? ""];
}

function cellOf(value: unknown): Cell {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(cellOf);
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  if (value === null || value === undefined) return null;
  throw new TypeError(`Cannot take ${typeof value} out of the engine`);
}
