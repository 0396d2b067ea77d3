import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
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
  /** Chunk by chunk, for results of any size. */
  stream(sql: string): AsyncIterable<readonly Cells[]>;
  /** Adds rows of text or null to a table of text columns. */
  append(table: string, rows: readonly (readonly (string | null)[])[]): Promise<void>;
}

export interface Engine {
  readonly tempDir: string;
  /** Waits for a free connection; the statement that runs is interrupted when aborted. */
  use<T>(signal: AbortSignal, work: (session: Session) => Promise<T>): Promise<T>;
  /** A path for an intermediate file, unique in this process. */
  tempPath(extension: string): string;
  close(): void;
}

const CONNECTIONS = 4;

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

  const idle: DuckDBConnection[] = [];
  for (let n = 0; n < CONNECTIONS; n++) idle.push(await instance.connect());
  const waiting: ((connection: DuckDBConnection) => void)[] = [];
  let paths = 0;

  return {
    tempDir,
    async use(signal, work) {
      const free = idle.pop();
      const connection = free ?? await new Promise<DuckDBConnection>((ok) => waiting.push(ok));
      const interrupt = () => connection.interrupt();
      try {
        signal.throwIfAborted();
        signal.addEventListener("abort", interrupt);
        return await work(sessionOf(connection, signal));
      } finally {
        signal.removeEventListener("abort", interrupt);
        const next = waiting.shift();
        if (next === undefined) idle.push(connection);
        else next(connection);
      }
    },
    tempPath: (extension) =>
      `${tempDir}/lake-${Deno.pid}-${crypto.randomUUID()}-${++paths}.${extension}`,
    close() {
      for (const connection of idle) connection.closeSync();
      instance.closeSync();
    },
  };
}

function sessionOf(connection: DuckDBConnection, signal: AbortSignal): Session {
  return {
    async run(sql) {
      signal.throwIfAborted();
      await connection.run(sql);
    },
    async rows(sql) {
      signal.throwIfAborted();
      const reader = await connection.runAndReadAll(sql);
      return reader.getRowsJS().map((row) => row.map(cellOf));
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
