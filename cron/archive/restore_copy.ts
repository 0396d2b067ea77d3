import { lakePath } from "@/domain/klines/lake_manifest.ts";
import { failureFields } from "../error_message.ts";
import type { ArchiveDeps, ArchivePlace } from "./archive_deps.ts";

type Deps = Pick<ArchiveDeps, "blobs" | "lakeFolder" | "workspace" | "log">;

/**
 * Puts the blob of a period's file back from its second name in the readable lake. False where that
 * is gone, is another file by now, or cannot be copied: it may be made again otherwise.
 */
export async function restoreCopy(
  { blobs, lakeFolder, workspace, log }: Deps,
  { sha256, series, seriesId, period }: ArchivePlace & { readonly sha256: string },
): Promise<boolean> {
  const path = workspace.path("parquet");
  try {
    if (!await lakeFolder.copyOut(lakePath({ ...series, period }), sha256, path)) return false;
    return (await blobs.putFile(path)).sha256 === sha256;
  } catch (error) {
    const place = { series: seriesId, period };
    log.warn("a file of the readable lake cannot be copied", { ...place, ...failureFields(error) });
    return false;
  } finally {
    await workspace.remove(path);
  }
}
