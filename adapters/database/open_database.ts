import type { Database } from "@/events/store/database.ts";
import { openPglite } from "./pglite.ts";
import { openPostgres, type PostgresOptions } from "./postgres.ts";

export interface DatabaseOptions extends Omit<PostgresOptions, "url"> {
  /** A server's; undefined opens the embedded database. */
  readonly url: string | undefined;
  /** Of the embedded database. */
  readonly dataDir: string;
  /** The embedded engine broke or hangs: this process must end without touching it again. */
  readonly onFatal: (reason: string) => void;
}

/** The database of an installation: a server where a URL is given, else the one in its directory. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { url, dataDir, onFatal, ...server } = options;
  if (url !== undefined) return openPostgres({ url, ...server });
  return await openPglite({ dataDir, onFatal, log: server.log });
}
