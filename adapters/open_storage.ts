import type { Blobs } from "@/events/blobs/blobs.ts";
import type { Database } from "@/events/store/database.ts";
import type { Lake } from "@/domain/ports/lake.ts";
import type { Workspace } from "@/domain/ports/workspace.ts";
import { openDiskBlobs } from "./blobs/disk.ts";
import { type DatabaseOptions, openDatabase } from "./database/open_database.ts";
import { openDuckdbLake } from "./lake/duckdb.ts";
import { claimTempFolder, type TempFolder } from "./temp_folder.ts";
import { openWorkspace } from "./workspace/disk.ts";

export interface StorageOptions extends Omit<DatabaseOptions, "dataDir"> {
  /** Absolute path of the data directory. */
  readonly path: string;
  /** Directories outside it that the lake reads. */
  readonly readable: readonly string[];
}

/** All that lies in a data directory, opened. */
export interface Storage {
  readonly database: Database;
  readonly blobs: Blobs;
  readonly workspace: Workspace;
  readonly lake: Lake;
  readonly temp: TempFolder;
}

export async function openStorage({ path, readable, ...server }: StorageOptions): Promise<Storage> {
  const temp = await claimTempFolder(`${path}/tmp`);
  const [directory, work] = [`${path}/blobs`, `${temp.path}/work`];
  const allowedDirectories = [directory, work, ...readable];
  const [database, blobs, workspace, lake] = await Promise.all([
    openDatabase({ dataDir: `${path}/db`, ...server }),
    openDiskBlobs({ directory }),
    openWorkspace({ directory: work }),
    openDuckdbLake({ tempDir: `${temp.path}/lake`, allowedDirectories }),
  ]);
  return { database, blobs, workspace, lake, temp };
}
