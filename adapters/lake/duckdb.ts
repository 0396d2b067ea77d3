import { sweepOld } from "../sweep_old.ts";
import { AdapterError } from "@/domain/ports/adapter_error.ts";
import type { GatheredCandles, KlineColumns, Lake, StagedBatch } from "@/domain/ports/lake.ts";
import { DuckdbRpc } from "./duckdb_rpc.ts";
import type { LakeCalls, LakeOp } from "./lake_calls.ts";
import type { ColumnsPage } from "./rewrite.ts";

export interface DuckdbLakeOptions {
  /** For spilling and intermediate files; made when missing, swept of what was left behind an hour ago. */
  readonly tempDir: string;
  /** Besides `tempDir`, the only directories whose files are read and written. */
  readonly allowedDirectories: readonly string[];
  /** As DuckDB writes it; 512MB by default. */
  readonly memoryLimit?: string | undefined;
  readonly threads?: number | undefined;
}

/** The lake on an in-memory DuckDB in a worker of its own, shut off from network and other files. */
export async function openDuckdbLake(options: DuckdbLakeOptions): Promise<Lake> {
  const { tempDir, allowedDirectories, memoryLimit = "512MB", threads = 2 } = options;
  await Deno.mkdir(tempDir, { recursive: true });
  await sweepOld(tempDir, {
    before: Date.now() - SWEPT_AFTER_MS,
    matches: ({ name }) => /^(lake-|duckdb_temp)/.test(name),
  });
  const rpc = new DuckdbRpc({ tempDir, allowedDirectories, memoryLimit, threads });
  await rpc.start();
  return {
    async stage(input, signal) {
      const { id, facts } = await rpc.call("stage", input, signal);
      return { ...facts, ...stagedCalls(rpc, id) };
    },
    async gather(input) {
      const { id, ...facts } = await rpc.call("gather", input);
      return { ...facts, ...gatheredCalls(rpc, id) };
    },
    read: (query, signal) => rpc.call("read", query, signal),
    columns: (path, size) => columnsOf(rpc, { path, size }),
    revisions: (input, outPath) => rpc.call("revisions", { ...input, outPath }),
    describe: (path) => rpc.call("describe", { path }),
    rescale: (path, scale, outPath) => rpc.call("rescale", { path, scale, outPath }),
    without: (path, range, outPath) => rpc.call("without", { path, range, outPath }),
    join: (paths, outPath) => rpc.call("join", { paths, outPath }),
    close: () => rpc.close(),
  };
}

const SWEPT_AFTER_MS = 3_600_000;

type StagedCalls = Pick<
  StagedBatch,
  "writeRejected" | "compare" | "delta" | "writeDelta" | "writeMerged" | "drop"
>;

function stagedCalls(rpc: DuckdbRpc, id: number): StagedCalls {
  const { generation } = rpc;
  async function call<K extends LakeOp>(
    op: K,
    args: Parameters<LakeCalls[K]>[0],
  ): Promise<ReturnType<LakeCalls[K]>> {
    await rpc.start();
    if (rpc.generation !== generation) throw lost(op);
    return await rpc.call(op, args);
  }
  return {
    writeRejected: (outPath) => call("writeRejected", { id, outPath }),
    compare: (period, held, options) => call("compare", { id, period, held: plain(held), options }),
    delta: (period) => call("delta", { id, period }),
    writeDelta: (period, outPath) => call("writeDelta", { id, period, outPath }),
    writeMerged: (period, scale, outPath) => call("writeMerged", { id, period, scale, outPath }),
    async drop() {
      if (rpc.generation === generation) await call("drop", { id });
    },
  };
}

/** What was gathered is gone with the engine that held it. */
function gatheredCalls(rpc: DuckdbRpc, id: number): Pick<GatheredCandles, "write" | "drop"> {
  const { generation } = rpc;
  return {
    async write(scale, outPath) {
      await rpc.start();
      if (rpc.generation !== generation) throw lost("writeGathered");
      return await rpc.call("writeGathered", { id, scale, outPath });
    },
    async drop() {
      if (rpc.generation === generation) await rpc.call("dropGathered", { id });
    },
  };
}

/** Callers may hand over more than data; functions do not cross to a worker. */
function plain({ file, hot }: { file?: string | undefined; hot?: string | undefined }) {
  return { file, hot };
}

async function* columnsOf(
  rpc: DuckdbRpc,
  { path, size }: { path: string; size: number },
): AsyncGenerator<KlineColumns> {
  const read = (after: number) => rpc.call("columns", { path, after, size });
  let next: Promise<ColumnsPage> | undefined = read(-1);
  try {
    while (next !== undefined) {
      const { chunks, lastOpenTime }: ColumnsPage = await next;
      // Read while the caller writes what it has.
      next = lastOpenTime === undefined ? undefined : read(lastOpenTime);
      next?.catch(() => {});
      yield* chunks;
    }
  } finally {
    // Who stops early may let go of the file at once.
    await next?.catch(() => {});
  }
}

function lost(op: string): AdapterError {
  return new AdapterError("Cannot go on with what was read: the engine was started again", {
    port: "lake",
    op,
    retryable: true,
    hint: "Read the files again",
  });
}
