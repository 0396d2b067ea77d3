import { dirname } from "node:path";
import type { JoinParts } from "@/domain/ports/local_files.ts";
import { openDuckdbLake } from "./duckdb.ts";

/** Joins Parquet files of one folder with an engine of its own, that ends with the work. */
export function parquetJoiner({ tempDir }: { readonly tempDir: string }): JoinParts {
  return async (paths, target) => {
    const own = `${tempDir}/join-${crypto.randomUUID()}`;
    const lake = await openDuckdbLake({ tempDir: own, allowedDirectories: [dirname(target)] });
    try {
      await lake.join(paths, target);
    } finally {
      await lake.close();
      await Deno.remove(own, { recursive: true });
    }
  };
}
