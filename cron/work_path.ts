import type { Workspace } from "@/domain/ports/workspace.ts";

/**
 * Lends a fresh path for a Parquet file. What has not moved on by the end of the work is removed, also
 * where that fails: of a full disk each attempt would take more.
 */
export async function withWorkPath<T>(
  workspace: Pick<Workspace, "path" | "remove">,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = workspace.path("parquet");
  try {
    return await work(path);
  } finally {
    await workspace.remove(path);
  }
}
