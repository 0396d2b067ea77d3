import { closeSync, fsyncSync, openSync } from "node:fs";
import { NodeFS } from "@electric-sql/pglite/nodefs";
import { trusted } from "@/events/trust.ts";

interface NodeStream {
  readonly nfd: number | undefined;
  readonly node: unknown;
}

interface EmscriptenModule {
  readonly NODEFS: {
    readonly stream_ops: { fsync?: (stream: NodeStream) => number };
    realPath(node: unknown): string;
  };
}

/**
 * PGlite's directory file system with the fsync that it lacks: without it a commit survives a
 * killed process but not a power cut. It reaches into Emscripten's NODEFS, hence PGlite's exact
 * version and a test that counts one fsync a commit.
 */
export class DurableNodeFS extends NodeFS {
  #fsyncs = 0;

  get fsyncs(): number {
    return this.#fsyncs;
  }

  override async init(
    ...[pg, options]: Parameters<NodeFS["init"]>
  ): ReturnType<NodeFS["init"]> {
    const ready = await super.init(pg, options);
    ready.emscriptenOpts.preRun?.push((module: unknown) => {
      const { NODEFS } = trusted<EmscriptenModule>(module);
      NODEFS.stream_ops.fsync = (stream) => {
        this.#fsyncs++;
        if (stream.nfd === undefined) syncPath(NODEFS.realPath(stream.node));
        else fsyncSync(stream.nfd);
        return 0;
      };
    });
    return ready;
  }
}

/** Makes a file, or the names in a directory, survive a power cut. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
