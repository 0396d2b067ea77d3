import type { Comparison, FileFacts } from "@/domain/ports/lake.ts";
import { failureFields } from "./error_message.ts";
import type { PeriodDeps } from "./period_deps.ts";
import type { LateWriter } from "./late_queue.ts";

/** A period's next file, not yet named by anything. */
export interface NextFile {
  readonly path: string;
  readonly facts: FileFacts;
}

export interface MergedLate extends NextFile {
  /** What it means for each writer whose candles are in it, the first one's own included. */
  readonly parts: readonly { readonly writer: LateWriter; readonly comparison: Comparison }[];
}

/**
 * Adds what others have waiting for the same period to a writer's next file, one after the other, so
 * that candles which come one a request do not make a file each. Who would revise waits for a version
 * of its own: what it supersedes must lie in a file that is recorded.
 */
export async function mergeLate(
  deps: PeriodDeps,
  writer: LateWriter,
  { comparison, ...first }: NextFile & { readonly comparison: Comparison },
): Promise<MergedLate> {
  const parts = [{ writer, comparison }];
  let next: NextFile = first;
  for (const other of deps.late.behind(writer)) {
    try {
      const joined = await join(deps, other, next);
      if (joined === undefined) continue;
      parts.push({ writer: other, comparison: joined.comparison });
      if (joined.next === next) continue;
      await deps.workspace.remove(next.path);
      next = joined.next;
    } catch (error) {
      // Its own turn comes, and tells it.
      const { seriesId, part: { period } } = { ...other.run, part: other.part };
      deps.log.debug("late candles wait for their own turn", {
        ...{ series: seriesId, period, ...failureFields(error) },
      });
    }
  }
  return { ...next, parts };
}

async function join(
  { workspace }: PeriodDeps,
  { run: { source }, part: { staged, period, scale } }: LateWriter,
  before: NextFile,
): Promise<{ comparison: Comparison; next: NextFile } | undefined> {
  const held = { file: before.path };
  const comparison = await staged.compare(period, held, { source, overwrite: false });
  if (comparison.revised > 0) return undefined;
  if (comparison.ingested === 0) return { comparison, next: before };
  const path = workspace.path("parquet");
  try {
    return {
      comparison,
      next: { path, facts: await staged.writeMerged(period, await scale.widened(), path) },
    };
  } catch (error) {
    await workspace.remove(path);
    throw error;
  }
}
